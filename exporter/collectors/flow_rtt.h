#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "common/metrics/metric_row.h"
#include "exporter/collector.h"
#include "exporter/environment.h"
#include "exporter/flows/flow_rows.h"

namespace sonde::exporter {

/// RTT, request latency, bytes and retransmits of pods and their peers (docs/flows.md).
std::unique_ptr<Collector> make_flow_rtt_collector(const Environment& environment);
std::span<const metrics::MetricRow> flow_rtt_metrics();

/// Series that one row has at most.
size_t most_series_of_a_row();

/// Writes the families of the rows. A row's histogram is left out until it has a sample, as what is counted
/// seldom is until it is not 0, and then begins at 0: so increase() sees its first samples. Threads: one.
class FlowFamilies {
 public:
  void write(std::span<const FlowRows::Row* const> rows, metrics::SeriesWriter& writer);

 private:
  void decide(std::span<const FlowRows::Row* const> rows);

  enum class Shown : unsigned char { kNo, kAtZero, kYes };
  static constexpr size_t kHistograms = 5;
  static constexpr size_t kRareCounters = 3;
  using ShownParts = std::array<Shown, kHistograms + kRareCounters>;
  std::unordered_map<std::string, ShownParts> shown_;  ///< by the row's labels
};

}  // namespace sonde::exporter
