#include "analyzer/http_api/api.h"

#include <fmt/format.h>

#include <chrono>
#include <string>

#include "analyzer/http_api/diagnose_request.h"
#include "analyzer/http_api/diagnosis_view.h"
#include "analyzer/http_api/metrics.h"
#include "common/metrics/build_info_metric.h"

namespace sonde::analyzer {
namespace {

/// Past windows take a read of Prometheus each; people and Grafana wait this long.
constexpr std::chrono::seconds kPastTimeout{30};

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kTimeout:
      return 504;
    default:
      return 503;
  }
}

http::Response error_response(const Error& error, bool html) {
  http::Response response;
  response.status = status_of(error.code);
  response.content_type = html ? "text/html; charset=utf-8" : "application/json";
  response.body = html ? error_page(error.message) : error_json(error.message);
  if (response.status == 503) response.headers["Retry-After"] = "5";
  return response;
}

/// Why there is no report to show.
std::string absence(const ApiContext& context, const ReportPointer& last, int64_t now_ms) {
  const Health health = context.health.read();
  const std::string fault = health.last_fault.empty() ? "" : "; the last fault: " + health.last_fault;
  if (last) {
    const double age = static_cast<double>(now_ms - last->time_ms) / 1000;
    // A read after the last data brought nothing newer: it is Prometheus that has nothing.
    const bool reads_succeed =
        health.last_fault.empty() && health.last_success_seconds * 1000 > static_cast<double>(last->time_ms);
    return fmt::format(
        "the last data is {:.0f} s old, too old to judge by; {}, and a past time= can be asked for{}", age,
        reads_succeed ? "Prometheus answers and has nothing newer: is sonde-exporter scraped "
                        "(up{job=\"sonde-exporter\"})?"
                      : "sonde_analyzer_tick_failures_total says why",
        fault);
  }
  if (health.last_success_seconds == 0) {
    return "no report yet: nothing could be read from Prometheus so far" + fault;
  }
  return fmt::format(
      "no report yet: Prometheus answers, with {} series of the metric map; two scrapes are needed, and the "
      "metric_map must name series that it has",
      health.series_read);
}

/// The report that the request is about: the last one, or one of a past time through the queue.
Result<ReportPointer> report_for(const ApiContext& context, const DiagnoseRequest& request, int64_t now_ms) {
  const ReportPointer last = context.reports.last();
  ReportPointer fresh = fresh_report(last, now_ms, context.max_age_ms());
  const bool now_wanted = !request.time_ms || (fresh && *request.time_ms >= fresh->time_ms);
  if (now_wanted && request.window_ms == 0) {
    if (fresh) return fresh;
    return fail(ErrorCode::kUnavailable, absence(context, last, now_ms));
  }
  const int64_t time_ms = request.time_ms.value_or(fresh ? fresh->time_ms : now_ms);
  return context.past.ask({time_ms, request.window_ms}, kPastTimeout);
}

http::Response reload(const ApiContext& context) {
  http::Response response;
  if (!context.reload) {
    response.status = 403;
    response.body = "reloading is off; start with --web.enable-lifecycle, or send SIGHUP\n";
  } else if (const Result<void> done = context.reload(); !done) {
    response.status = 500;
    response.body = "the old configuration stays in use: " + done.error().message + "\n";
  } else {
    response.body = "reloaded\n";
  }
  return response;
}

}  // namespace

http::Response answer_diagnose(const ApiContext& context, const http::Request& request) {
  const int64_t now_ms = context.now_ms();
  const Result<DiagnoseRequest> parsed = parse_diagnose_request(request, now_ms);
  if (!parsed) return error_response(parsed.error(), prefers_html(request.header("accept")));
  const Result<ReportPointer> report = report_for(context, *parsed, now_ms);
  if (!report) return error_response(report.error(), parsed->html);
  const Result<DiagnosisView> view = view_of(*report, *parsed, now_ms);
  if (!view) return error_response(view.error(), parsed->html);
  http::Response response;
  response.content_type = parsed->html ? "text/html; charset=utf-8" : "application/json";
  response.body = parsed->html ? diagnosis_page(*view) : diagnosis_json(*view);
  return response;
}

void add_api(http::Server& server, const ApiContext& context) {
  server.serve_metrics([context](const http::Scrape&, metrics::SeriesWriter& writer) {
    const int64_t now_ms = context.now_ms();
    const ReportPointer last = context.reports.last();
    write_metrics(fresh_report(last, now_ms, context.max_age_ms()), last, context.health.read(), now_ms,
                  writer);
    metrics::write_program_metrics("sonde-analyzer", writer);
  });
  server.get(
      "/diagnose", [context](const http::Request& request) { return answer_diagnose(context, request); },
      "what is wrong and where", diagnose_parameters());
  server.post("/-/reload", [context](const http::Request&) { return reload(context); });
  // Ready is who can answer: an analyzer whose Prometheus went away cannot, as soon as its report is
  // withdrawn.
  server.set_ready_check([context]() -> std::string {
    const int64_t now_ms = context.now_ms();
    const ReportPointer last = context.reports.last();
    return fresh_report(last, now_ms, context.max_age_ms()) ? "" : absence(context, last, now_ms);
  });
}

}  // namespace sonde::analyzer
