#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "common/metrics/labels.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "exporter/flows/named_networks.h"
#include "exporter/flows/tracing/trace_report.h"

namespace sonde::exporter {

/// What all traces since the start add up to, and the verdicts of those that ended within the last ten
/// minutes. Threads: one.
class TraceMetrics {
 public:
  /// `networks` name the ends that are no container of this node; others are shown by the class of their
  /// address (named_networks.h).
  explicit TraceMetrics(NamedNetworks networks = {}) : networks_(std::move(networks)) {}

  /// Takes a finished trace in.
  void add(const TraceReport& report);
  /// Writes the families of metrics(). `now_seconds`: Unix time.
  void write(bool running, double now_seconds, metrics::SeriesWriter& writer) const;
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
    double ended_seconds = 0;  ///< Unix time
  };

  /// `mirror`: of the direction from receiver to sender.
  void add_stages(const TracedUnit& unit, bool mirror);
  void add_verdict(const TraceReport& report, const PairDelay& pair);
  void add_end(metrics::Labels& labels, const TraceReport& report, const std::string& end,
               const flow_address& address, uint32_t space) const;

  NamedNetworks networks_;

  std::map<std::pair<size_t, Part>, Histogram> stages_;  ///< by Stage and part, those that were seen
  std::array<uint64_t, kTraceCauseCount> traces_{};
  std::array<uint64_t, 4> events_{};  ///< kept, over_budget, ring_full, no_room
  std::deque<Verdict> verdicts_;      ///< the latest first
};

}  // namespace sonde::exporter
