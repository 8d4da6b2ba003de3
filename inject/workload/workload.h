#pragma once

#include <mutex>
#include <span>
#include <thread>

#include "common/clock.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "inject/workload/rate_curve.h"
#include "inject/workload/request_generator.h"
#include "inject/workload/request_schedule.h"
#include "inject/workload/request_statistics.h"

namespace sonde::inject {

struct WorkloadOptions {
  RequestOptions requests;
  double rate = 10;  ///< requests per second, before the curve
  RateCurve curve;
};

/// The metrics of a workload, for the documentation.
std::span<const metrics::MetricRow> workload_metric_rows();

/// An open-loop load: requests are sent when they are due, answered or not. Threads: safe.
class Workload {
 public:
  explicit Workload(WorkloadOptions options);

  /// Sends from now on, until the destructor. Errors: kPermission or kNotFound where the network namespace
  /// cannot be entered.
  Result<void> start();
  /// The base rate from now on. Unit: requests per second, above 0.
  void set_rate(double rate);
  /// A phase of heavy workload, `factor` times the rate that there would be, or, with 1, its end.
  void set_heavy(double factor);

  void write_metrics(metrics::SeriesWriter& writer) const;

 private:
  /// Keeps the schedule at the curve.
  void pace(const std::stop_token& stop);
  void update_rate();

  const RateCurve curve_;
  const SteadyTime start_;
  mutable std::mutex mutex_;  // guards base_rate_ and heavy_factor_
  double base_rate_;
  double heavy_factor_ = 1;
  RequestSchedule schedule_;
  RequestStatistics statistics_;
  RequestGenerator generator_;
  std::jthread pacer_;
};

}  // namespace sonde::inject
