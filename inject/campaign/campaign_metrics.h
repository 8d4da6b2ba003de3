#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "common/metrics/series_writer.h"

namespace sonde::inject {

/// The metrics of campaigns, for the documentation.
std::span<const metrics::MetricRow> campaign_metric_rows();

/// How far a campaign is. Threads: safe.
class CampaignMetrics {
 public:
  explicit CampaignMetrics(size_t injections) : injections_(injections) {}

  /// An injection is over.
  void count(bool proven) { ++(proven ? proven_ : unproven_); }
  void write(metrics::SeriesWriter& writer) const;

 private:
  const size_t injections_;
  std::atomic<uint64_t> proven_ = 0;
  std::atomic<uint64_t> unproven_ = 0;
};

}  // namespace sonde::inject
