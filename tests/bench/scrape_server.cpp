// Serves the benchmark's page for scrape_prometheus.py: by our server, or by prometheus-cpp's own exposer.
//
// usage: scrape_server [--backend=sonde|prometheus-cpp] [--web.listen-address=…] [--web.compression=…]
// Prints "port N".

#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "common/http/server.h"
#include "common/http/web_flags.h"
#include "common/metrics/build_info_metric.h"
#include "common/shutdown.h"
#include "tests/bench/scrape_page.h"

namespace {

using sonde::bench::ScrapePage;

int serve_ours(const sonde::http::WebOptions& options, sonde::Shutdown& shutdown) {
  const ScrapePage page;
  std::atomic<size_t> scrapes{0};
  sonde::http::Server server(options, {"scrape_server", "Serves a page of 20,000 series."});
  server.serve_metrics([&](const sonde::http::Scrape&, sonde::metrics::SeriesWriter& writer) {
    sonde::metrics::write_program_metrics("scrape_server", writer);
    page.write(++scrapes, writer);
  });
  const auto started = server.start();
  if (!started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 1;
  }
  std::printf("port %u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  shutdown.wait();
  return 0;
}

int serve_prometheus_cpp(sonde::Shutdown& shutdown) {
  const ScrapePage page;
  auto registry = std::make_shared<prometheus::Registry>();
  auto& family = prometheus::BuildGauge()
                     .Name(std::string(ScrapePage::kRow.name))
                     .Help(std::string(ScrapePage::kRow.help))
                     .Register(*registry);
  for (size_t i = 0; i < ScrapePage::kSeries; ++i) {
    prometheus::Labels labels;
    for (const auto& [name, value] : ScrapePage::label_pairs(i)) labels[name] = value;
    family.Add(labels).Set(page.value(0, i));
  }
  prometheus::Exposer exposer("127.0.0.1:0");
  exposer.RegisterCollectable(registry);
  std::printf("port %d\n", exposer.GetListeningPorts().at(0));
  std::fflush(stdout);
  shutdown.wait();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sonde::Shutdown shutdown;
  CLI::App app("Serves a page of 20,000 series");
  sonde::http::WebOptions options;
  std::string backend = "sonde";
  app.add_option("--backend", backend, "sonde or prometheus-cpp")
      ->check(CLI::IsMember({"sonde", "prometheus-cpp"}));
  sonde::http::add_web_flags(app, options, "127.0.0.1:0");
  CLI11_PARSE(app, argc, argv);
  return backend == "sonde" ? serve_ours(options, shutdown) : serve_prometheus_cpp(shutdown);
}
