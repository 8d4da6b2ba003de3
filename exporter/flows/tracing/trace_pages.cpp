#include "exporter/flows/tracing/trace_pages.h"

#include <fmt/format.h>

#include <charconv>

namespace sonde::exporter {
namespace {

constexpr const char* kJson = "application/json";
constexpr std::string_view kPagePrefix = "/traces/";

http::Response plain(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.body = std::move(text) + '\n';
  return response;
}

http::Response json(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = kJson;
  response.body = std::move(text);
  return response;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kLimit:
    case ErrorCode::kUnsupported:
      return 409;
    default:
      return 503;
  }
}

}  // namespace

http::Response answer_trace(Tracer& tracer, const http::Request& request) {
  const auto wanted = parse_trace_request(request.body);
  if (!wanted) return plain(400, wanted.error().message);
  const auto id = tracer.start(*wanted, TraceCause::kRequest);
  if (!id) return plain(status_of(id.error().code), id.error().message);
  http::Response response = json(202, fmt::format("{{\"id\":{0},\"page\":\"/traces/{0}\"}}\n", *id));
  response.headers["Location"] = fmt::format("/traces/{}", *id);
  return response;
}

http::Response answer_traces(const Tracer& tracer) {
  return json(200, trace_list_json(tracer.reports()));
}

http::Response answer_trace_page(const Tracer& tracer, const http::Request& request) {
  const std::string format = request.parameter("format");
  if (!format.empty() && format != "json" && format != "chrome") {
    return plain(400, "format: give json or chrome");
  }
  std::string_view number = request.path;
  if (number.starts_with(kPagePrefix)) number.remove_prefix(kPagePrefix.size());
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (error != std::errc() || end != number.data() + number.size() || id == 0) {
    return plain(404, "give the number of a trace, as /traces lists them: /traces/1");
  }
  const auto report = tracer.report(id);
  if (report == nullptr) {
    if (tracer.running() == id) return json(202, fmt::format("{{\"id\":{},\"running\":true}}\n", id));
    return plain(404, fmt::format("there is no trace {} (any more); /traces lists those that are kept", id));
  }
  return json(200, format == "chrome" ? trace_chrome_json(*report) : trace_json(*report));
}

}  // namespace sonde::exporter
