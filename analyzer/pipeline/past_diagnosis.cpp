#include "analyzer/pipeline/past_diagnosis.h"

#include <chrono>
#include <utility>

#include "common/clock.h"

namespace sonde::analyzer {

Result<ReportPointer> diagnose_past(const AnalysisOptions& options,
                                    std::shared_ptr<const MetricMapper> mapper, Source& source,
                                    int64_t default_window_ms, const PastRequest& request) {
  const SteadyTime start = SteadyClock::now();
  const int64_t window_ms = request.window_ms > 0 ? request.window_ms : default_window_ms;
  ReadQuery query;
  query.selectors = mapper->selectors();
  query.start_ms = request.time_ms - window_ms;
  query.end_ms = request.time_ms;
  query.step_ms = options.step_ms;
  Analysis analysis(options, std::move(mapper));
  const Result<ReadStats> read = source.read(
      query,
      [&](const LabelSet& labels, std::span<const Sample> samples) { analysis.ingest(labels, samples); });
  if (!read) return tl::unexpected(read.error());
  std::optional<Report> report = analysis.advance(request.time_ms + options.step_ms, request.time_ms);
  if (!report)
    return fail(ErrorCode::kNotFound, "no samples in that window; ask for a time that was scraped");
  report->window_ms = window_ms;
  report->series_read = read->series;
  report->samples_read = read->samples;
  report->tick_seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  return ReportPointer(std::make_shared<const Report>(std::move(*report)));
}

}  // namespace sonde::analyzer
