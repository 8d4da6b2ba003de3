#include "common/http/web_flags.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <vector>

#include "common/http/access/live_web_config.h"
#include "common/http/listen_address.h"

namespace sonde::http {

void add_web_flags(CLI::App& app, WebOptions& options, const std::string& default_address) {
  if (options.listen_addresses.empty()) options.listen_addresses = {default_address};
  app.add_option_function<std::vector<std::string>>(
         "--web.listen-address",
         [&options](const std::vector<std::string>& addresses) {
           for (const std::string& text : addresses) {
             // Here, not at the server's start: until then a program has done much else.
             const auto address = parse_listen_address(text);
             if (!address) throw CLI::ValidationError(address.error().message);
           }
           options.listen_addresses = addresses;
         },
         "Where to serve: host:port, [IPv6]:port, or :port for every interface of the machine; repeat it for "
         "several")
      ->type_name("ADDRESS")
      ->default_str(default_address);
  app.add_option("--web.telemetry-path", options.telemetry_path,
                 "Path of the metrics that Prometheus scrapes")
      ->type_name("PATH")
      ->capture_default_str()
      ->check([](const std::string& path) {
        const bool good =
            path.size() > 1 && path.front() == '/' && path.find_first_of("?# ") == std::string::npos;
        return good ? std::string() : "give a path such as /metrics";
      });
  app.add_option("--web.max-requests", options.max_requests,
                 "Scrapes answered at the same time, more get 503; 0: no limit")
      ->type_name("COUNT")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--web.compression",
         [&options](const std::string& word) {
           options.compression = word == "gzip" ? Compression::kGzip : Compression::kNone;
         },
         "How to send pages to clients that accept gzip")
      ->type_name("none|gzip")
      ->check(CLI::IsMember({"none", "gzip"}))
      ->default_str(options.compression == Compression::kGzip ? "gzip" : "none");
  app.add_option_function<std::string>(
         "--web.config.file",
         [&options](const std::string& file) {
           // Here too, so that nothing is done before it is found wrong.
           const auto config = LiveWebConfig::open(file);
           if (!config) throw CLI::ValidationError(config.error().message);
           options.config_file = file;
         },
         "YAML file with the certificate for HTTPS, the users with their passwords' bcrypt hashes, and "
         "headers, "
         "in the format of Prometheus's exporters. Without it pages are served in clear to everybody")
      ->type_name("FILE");
}

void add_log_flags(CLI::App& app, LogOptions& options) {
  app.add_option("--log.level", options.level, "Least severity that is logged, to standard error")
      ->type_name("debug|info|warn|error")
      ->capture_default_str();
  app.add_option("--log.format", options.format, "Form of a log line")
      ->type_name("logfmt|json")
      ->capture_default_str();
}

}  // namespace sonde::http
