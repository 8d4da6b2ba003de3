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

/// Writes the families of the rows. A row's histogram is left out until it has a sample, and then begins at
/// 0: so increase() sees its first samples. Threads: one.
class FlowFamilies {
 public:
  void write(std::span<const FlowRows::Row* const> rows, metrics::SeriesWriter& writer);

 private:
  void decide(std::span<const FlowRows::Row* const> rows);

  enum class Shown : unsigned char { kNo, kAtZero, kYes };
  static constexpr size_t kHistograms = 5;
  using ShownHistograms = std::array<Shown, kHistograms>;
  std::unordered_map<std::string, ShownHistograms> shown_;  ///< by the row's labels
};

}  // namespace sonde::exporter
