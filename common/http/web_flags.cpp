#include "common/http/web_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <map>

namespace sonde::http {

void add_web_flags(CLI::App& app, WebOptions& options, const std::string& default_address) {
  if (options.listen_addresses.empty()) options.listen_addresses = {default_address};
  app.add_option("--web.listen-address", options.listen_addresses,
                 "Address to serve on, host:port or :port; repeat it for several")
      ->capture_default_str();
  app.add_option("--web.telemetry-path", options.telemetry_path, "Path of the metrics")
      ->capture_default_str()
      ->check([](const std::string& path) {
        const bool good =
            path.size() > 1 && path.front() == '/' && path.find_first_of("?# ") == std::string::npos;
        return good ? std::string() : "give a path such as /metrics";
      });
  app.add_option("--web.max-requests", options.max_requests, "Parallel scrapes; more get 503. 0 = no limit")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--web.compression",
         [&options](const std::string& word) {
           options.compression = word == "gzip" ? Compression::kGzip : Compression::kNone;
         },
         "How to send pages to clients that accept gzip: none or gzip")
      ->check(CLI::IsMember({"none", "gzip"}))
      ->default_str(options.compression == Compression::kGzip ? "gzip" : "none");
}

void add_log_flags(CLI::App& app, LogOptions& options) {
  app.add_option("--log.level", options.level, "Least severity that is logged: debug, info, warn or error")
      ->capture_default_str();
  app.add_option("--log.format", options.format, "logfmt or json")->capture_default_str();
}

}  // namespace sonde::http
