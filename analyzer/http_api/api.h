#pragma once

#include <cstdint>
#include <functional>

#include "analyzer/report/diagnosis_queue.h"
#include "analyzer/report/health.h"
#include "analyzer/report/report_store.h"
#include "common/http/server.h"
#include "common/result.h"

namespace sonde::analyzer {

/// What the HTTP handlers see of the analyzer.
struct ApiContext {
  const ReportStore& reports;
  const HealthBoard& health;
  DiagnosisQueue& past;
  std::function<int64_t()> now_ms;      ///< Unix time
  std::function<int64_t()> max_age_ms;  ///< of the configuration in use
  /// Loads the configuration anew; null where --web.enable-lifecycle is not given.
  std::function<Result<void>()> reload;
};

/// Adds /metrics, /diagnose, /-/reload and the ready check. Handlers compute nothing: they read the last
/// report, or wait for the queue. REQUIRES: what the context refers to outlives the server.
void add_api(http::Server& server, const ApiContext& context);

/// The answer to GET /diagnose. Errors become 400, 404, 503 (with Retry-After) and 504 with a remedy.
http::Response answer_diagnose(const ApiContext& context, const http::Request& request);

}  // namespace sonde::analyzer
