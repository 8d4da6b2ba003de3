#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>

#include "common/metrics/labels.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "exporter/flows/tracing/trace_report.h"

namespace sonde::exporter {

/// What all traces since the start add up to, and the verdicts of the latest. Threads: one.
class TraceMetrics {
 public:
  /// Takes a finished trace in.
  void add(const TraceReport& report);
  /// Writes the families of metrics().
  void write(bool running, metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

 private:
  static constexpr size_t kBounds = 12;
  struct Histogram {
    std::array<uint64_t, kBounds + 1> counts{};
    double sum = 0;
  };
  /// The last verdict on a pair of workloads.
  struct Verdict {
    metrics::Labels labels;
    std::array<double, kPartCount> share{};
    double confidence = 0;
    double seconds = 0;
  };

  /// `mirror`: of the direction from receiver to sender.
  void add_stages(const TracedUnit& unit, bool mirror);
  void add_verdict(const TraceReport& report, const PairDelay& pair);

  std::map<std::pair<size_t, Part>, Histogram> stages_;  ///< by Stage and part, those that were seen
  std::array<uint64_t, kTraceCauseCount> traces_{};
  std::array<uint64_t, 4> events_{};  ///< kept, over_budget, ring_full, no_room
  std::deque<Verdict> verdicts_;      ///< the latest first
};

}  // namespace sonde::exporter
