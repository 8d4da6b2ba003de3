#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>

#include "common/build_info.h"
#include "common/http/server.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "common/shutdown.h"
#include "demo/api/item_service.h"

using namespace sonde;

namespace {

struct Options {
  http::WebOptions web;
  http::LogOptions log;
  demo::ItemServiceOptions service;
};

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

/// GET /item?id=17
http::Response serve_item(demo::ItemService& service, const http::Request& request) {
  const std::string text = request.parameter("id");
  int id = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return answer(400, "id must be a number: /item?id=17\n");
  }
  auto page = service.item(id);
  if (!page)
    return answer(page.error().code == ErrorCode::kNotFound ? 404 : 503, page.error().message + "\n");
  http::Response response = answer(200, std::move(*page));
  response.content_type = "application/json";
  return response;
}

int run(const Options& options) {
  Shutdown shutdown;
  demo::ItemService service(options.service);
  http::Server server(options.web, {"sonde-demo-api", "One replica of the demo shop's service."});
  server.get("/item", [&](const http::Request& request) { return serve_item(service, request); }, "?id=17");
  server.get("/healthz", [](const http::Request&) { return answer(200, "ok\n"); }, "Liveness");
  server.serve_metrics([&](const http::Scrape&, metrics::SeriesWriter& w) { service.write_metrics(w); });
  if (const auto started = server.start(); !started) {
    log::error("cannot serve", {{"reason", started.error().message}});
    return 1;
  }
  shutdown.wait();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("One replica of the demo shop's service: items from Redis or PostgreSQL.", "sonde-demo-api");
  http::add_web_flags(app, options.web, ":8080");
  http::add_log_flags(app, options.log);
  app.add_option("--redis.host", options.service.redis_host, "address of Redis")->capture_default_str();
  app.add_option("--redis.port", options.service.redis_port, "port of Redis")->capture_default_str();
  app.add_option("--postgres", options.service.postgres, "connection string of PostgreSQL (libpq)")
      ->capture_default_str();
  app.add_option("--work.rounds", options.service.rounds, "CPU per request: rounds of a checksum")
      ->capture_default_str();
  app.set_version_flag("--version", version_text("sonde-demo-api"));
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
