#include "inject/workload/request_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kRequests{"sonde_workload_requests_total", MetricType::kCounter, "", "code",
                              "Requests sent, by the answer's status code; 0 = no answer."};
constexpr MetricRow kDuration{"sonde_workload_request_duration_seconds", MetricType::kHistogram, "seconds",
                              "", "Time from when a request was due until its answer was complete."};
constexpr MetricRow kQuantile{"sonde_workload_recent_request_duration_seconds", MetricType::kGauge, "seconds",
                              "quantile", "Quantiles of the same over the last 1000 requests."};

constexpr std::array kRequestRows = {kRequests, kDuration, kQuantile};

}  // namespace

std::span<const MetricRow> request_metric_rows() {
  return kRequestRows;
}

void RequestStatistics::record(int status, double latency_seconds) {
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), latency_seconds) - kBounds.begin();
  const std::lock_guard lock(mutex_);
  ++by_status_[status];
  ++buckets_[static_cast<size_t>(bucket)];
  sum_ += latency_seconds;
  if (recent_.size() < kRecent) {
    recent_.push_back(latency_seconds);
  } else {
    recent_[oldest_] = latency_seconds;
    oldest_ = (oldest_ + 1) % kRecent;
  }
}

uint64_t RequestStatistics::answered() const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& [status, count] : by_status_) sum += status == 0 ? 0 : count;
  return sum;
}

void RequestStatistics::write_metrics(metrics::SeriesWriter& writer) const {
  std::unique_lock lock(mutex_);
  writer.family(kRequests);
  for (const auto& [status, count] : by_status_) {
    writer.sample({{"code", fmt::to_string(status)}}, static_cast<double>(count));
  }
  writer.family(kDuration);
  writer.histogram({}, kBounds, buckets_, sum_);
  std::vector<double> sorted = recent_;
  lock.unlock();
  if (sorted.empty()) return;
  std::sort(sorted.begin(), sorted.end());
  writer.family(kQuantile);
  for (const double quantile : {0.5, 0.9, 0.99}) {
    const auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
    writer.sample({{"quantile", fmt::to_string(quantile)}}, sorted[rank - 1]);
  }
}

}  // namespace sonde::inject
