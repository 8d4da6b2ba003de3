#include "analyzer/pipeline/past_diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/clock.h"

namespace sonde::analyzer {
namespace {

double seconds(int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}

}  // namespace

Result<ReportPointer> diagnose_past(const AnalysisOptions& options,
                                    std::shared_ptr<const MetricMapper> mapper, Source& source,
                                    int64_t default_window_ms, const PastRequest& request) {
  const SteadyTime start = SteadyClock::now();
  const int64_t window_ms = request.window_ms > 0 ? request.window_ms : default_window_ms;
  const int64_t longest_ms = std::max(kMostPastColumns * options.step_ms, default_window_ms);
  if (window_ms > longest_ms) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format(
            "window={0:g}s is {1} columns of {2:g} s, too many for one diagnosis: ask for window={3}s "
            "or less, at the time= that matters",
            seconds(window_ms), window_ms / options.step_ms, seconds(options.step_ms), longest_ms / 1000));
  }
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
