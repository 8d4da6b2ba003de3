#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>

#include "common/build_info.h"
#include "common/http/server.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "common/shutdown.h"
#include "demo/load/generator.h"

using namespace sonde;

namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kRate{"shop_request_rate", MetricType::kGauge, "", "",
                          "Requests per second that are asked for."};
constexpr MetricRow kSkipped{"shop_requests_skipped_total", MetricType::kCounter, "", "",
                             "Requests never sent because they were over a second late."};

struct Options {
  http::WebOptions web;
  http::LogOptions log;
  demo::GeneratorOptions generator;
  double rate = 100;
};

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

/// POST /rate?value=200
http::Response set_rate(demo::Schedule& schedule, const http::Request& request) {
  const std::string text = request.parameter("value");
  double rate = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !(rate > 0 && rate <= 10000)) {
    return answer(400, "value must be a rate in (0, 10000]: POST /rate?value=200\n");
  }
  schedule.set_rate(rate);
  log::info("rate set", {{"requests_per_second", rate}});
  return answer(200, "ok\n");
}

int run(const Options& options) {
  Shutdown shutdown;
  demo::Schedule schedule(options.rate, SteadyClock::now());
  demo::Statistics statistics;
  http::Server server(options.web, {"sonde-demo-load", "Sends the demo shop a steady load."});
  server.post("/rate", [&](const http::Request& request) { return set_rate(schedule, request); });
  server.serve_metrics([&](const http::Scrape&, metrics::SeriesWriter& writer) {
    writer.family(kRate);
    writer.sample(schedule.rate());
    writer.family(kSkipped);
    writer.sample(static_cast<double>(schedule.skipped()));
    statistics.write_metrics(writer);
  });
  if (const auto started = server.start(); !started) {
    log::error("cannot serve", {{"reason", started.error().message}});
    return 1;
  }
  demo::Generator generator(options.generator, schedule, statistics);
  if (const auto started = generator.start(); !started) {
    log::error("cannot enter the network namespace", {{"reason", started.error().message}});
    return 1;
  }
  shutdown.wait();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Sends the demo shop a steady load at a rate that can be changed while it runs.",
               "sonde-demo-load");
  http::add_web_flags(app, options.web, "127.0.0.1:9099");
  http::add_log_flags(app, options.log);
  app.add_option("--target.host", options.generator.host, "address of the shop")->capture_default_str();
  app.add_option("--target.port", options.generator.port, "port of the shop")->capture_default_str();
  app.add_option("--network-namespace", options.generator.network_namespace,
                 "send from this network namespace (a path such as /run/netns/shop)");
  app.add_option("--items", options.generator.items, "ask for the items 1 to N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--rate", options.rate, "requests per second; POST /rate?value=N changes it")
      ->check(CLI::Range(0.1, 10000.0))
      ->capture_default_str();
  app.set_version_flag("--version", version_text("sonde-demo-load"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const auto configured = log::configure(options.log.level, options.log.format); !configured) {
    std::fprintf(stderr, "%s\n", configured.error().message.c_str());
    return 2;
  }
  return run(options);
}
