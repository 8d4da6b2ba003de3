#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "common/clock.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "inject/workload/heavy_phase.h"
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
  /// Whether the phase of heavy workload has been one from its begin on, by its answers (heavy_phase.h).
  [[nodiscard]] bool was_heavy();

  void write_metrics(metrics::SeriesWriter& writer) const;

 private:
  /// Keeps the schedule at the curve.
  void pace(const std::stop_token& stop);
  void update_rate();

  const RateCurve curve_;
  const SteadyTime start_;
  mutable std::mutex mutex_;  // guards the members up to schedule_
  double base_rate_;
  double heavy_factor_ = 1;
  std::optional<HeavyPhase> heavy_;
  SteadyTime updated_;  ///< when the rate was looked at last
  RequestSchedule schedule_;
  RequestStatistics statistics_;
  RequestGenerator generator_;
  std::jthread pacer_;
};

}  // namespace sonde::inject
