#include "inject/workload/workload_command.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "common/help_text.h"
#include "common/http/restricted.h"
#include "common/http/server.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "common/metrics/build_info_metric.h"
#include "common/shutdown.h"
#include "inject/workload/workload_text.h"

namespace sonde::inject {
namespace {

constexpr int kWrongFlag = 2;

constexpr const char* kFooter =
    "Examples:\n"
    "  sonde-inject workload --url='http://10.0.0.2:8080/item?id={1-500}' --rate=80\n"
    "  sonde-inject workload --url=http://10.0.0.2/ --rate=80 --steps=60s*1,20s*2\n"
    "\n"
    "Exit codes: 0 ended by a signal, 1 it cannot start, 2 a wrong flag.";

struct Flags {
  WorkloadText workload;
  http::WebOptions web;
  http::LogOptions log;
};

void add_flags(CLI::App& app, Flags& flags) {
  in_group(app, "Workload", [&] {
    app.add_option("--url", flags.workload.url,
                   "What is asked for; of a range such as {1-500} in its path each request takes one number")
        ->type_name("URL")
        ->required();
    app.add_option("--rate", flags.workload.rate,
                   "Requests per second, sent when they are due whether or not earlier ones are answered; "
                   "POST /rate?value=N changes it")
        ->type_name("NUMBER")
        ->capture_default_str();
    app.add_option("--steps", flags.workload.steps,
                   "Factors of the rate, one after the other and from the start again: 60s*1,20s*2.5")
        ->type_name("STEPS");
    app.add_option("--day", flags.workload.day, "Period of a rate that rises and falls as over a day")
        ->type_name("DURATION");
    app.add_option("--swing", flags.workload.swing, "Share of the rate that it rises and falls by over a day")
        ->type_name("RATIO")
        ->capture_default_str();
    app.add_option("--workers", flags.workload.workers, "Requests in flight at most")
        ->type_name("NUMBER")
        ->capture_default_str();
    app.add_option("--network-namespace", flags.workload.network_namespace,
                   "Sends from this network namespace, a path such as /run/netns/shop; needs root")
        ->type_name("PATH");
  });
  in_group(app, "Web", [&] { http::add_web_flags(app, flags.web, "127.0.0.1:9758"); });
  in_group(app, "Log", [&] { http::add_log_flags(app, flags.log); });
}

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

/// POST /rate?value=200
http::Response set_rate(Workload& workload, const http::Request& request) {
  if (std::string refused = http::refuse_unless_trusted(request); !refused.empty()) {
    return answer(403, refused + "\n");
  }
  const std::string text = request.parameter("value");
  double rate = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      !(rate >= kLowestRate && rate <= kHighestRate)) {
    return answer(400, fmt::format("value={}: give requests per second from {} to {}: POST /rate?value=200\n",
                                   text, kLowestRate, kHighestRate));
  }
  workload.set_rate(rate);
  log::info("rate set", {{"requests_per_second", rate}});
  return answer(200, "ok\n");
}

int serve(WorkloadOptions options, const http::WebOptions& web) {
  Shutdown shutdown;
  Workload workload(std::move(options));
  http::Server server(web, {"sonde-inject workload", "Sends a service a load at a rate of its own."});
  server.post("/rate", [&](const http::Request& request) { return set_rate(workload, request); });
  server.serve_metrics([&](const http::Scrape&, metrics::SeriesWriter& writer) {
    workload.write_metrics(writer);
    metrics::write_program_metrics("sonde-inject", writer);
  });
  if (const auto started = server.start(); !started) {
    log::error("cannot serve", {{"error", started.error().message}});
    return 1;
  }
  if (const auto started = workload.start(); !started) {
    log::error("cannot enter the network namespace of --network-namespace",
               {{"error", started.error().message}});
    return 1;
  }
  log::info("sending requests", {{"port", server.port()}});
  shutdown.wait();
  server.stop();
  return 0;
}

}  // namespace

int run_workload_command(int argc, const char* const* argv) {
  CLI::App app(
      "Sends a service a load of its own, constant, in steps or as over a day, and publishes what came back.",
      "sonde-inject workload");
  Flags flags;
  set_help(app, kFooter);
  add_flags(app, flags);
  if (const auto parsed = parse_words(app, std::vector<std::string>(argv + 1, argv + argc)); !parsed) {
    const bool help = parsed.error().code == ErrorCode::kNotFound;
    fmt::print(help ? stdout : stderr, "{}{}\n",
               help ? "" : "sonde-inject workload: ", parsed.error().message);
    return help ? 0 : kWrongFlag;
  }
  std::string wrong;
  auto options = read_workload(flags.workload, [&](std::string_view member, const std::string& text) {
    if (wrong.empty()) wrong = fmt::format("--{}{}", member, text);
  });
  if (wrong.empty()) {
    if (const auto configured = log::configure(flags.log.level, flags.log.format); !configured) {
      wrong = configured.error().message;
    }
  }
  if (!wrong.empty()) {
    fmt::print(stderr, "sonde-inject workload: {}\n", wrong);
    return kWrongFlag;
  }
  return serve(std::move(options), flags.web);
}

}  // namespace sonde::inject
