#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "common/metrics/series_writer.h"

namespace sonde::inject {

/// The metrics of requests, for the documentation.
std::span<const metrics::MetricRow> request_metric_rows();

/// Counts of answers by status code, and their latencies: a histogram since the start and quantiles of the
/// last kRecent requests. Threads: safe.
class RequestStatistics {
 public:
  static constexpr size_t kRecent = 1000;

  /// `status` 0 = no answer at all.
  void record(int status, double latency_seconds);
  /// How many had an answer, of whatever status.
  [[nodiscard]] uint64_t answered() const;

  void write_metrics(metrics::SeriesWriter& writer) const;

 private:
  static constexpr std::array kBounds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0};

  mutable std::mutex mutex_;  ///< guards all members
  std::map<int, uint64_t> by_status_{{0, 0}, {200, 0}};
  std::array<uint64_t, kBounds.size() + 1> buckets_{};
  double sum_ = 0;
  std::vector<double> recent_;  ///< a ring
  size_t oldest_ = 0;           ///< where the ring's next entry goes once it is full
};

}  // namespace sonde::inject
