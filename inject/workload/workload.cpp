#include "inject/workload/workload.h"

#include <array>
#include <condition_variable>
#include <utility>

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kRate{"sonde_workload_asked_rate", MetricType::kGauge, "requests per second", "",
                          "Requests per second that are asked for now."};
constexpr MetricRow kHeavy{
    "sonde_workload_heavy", MetricType::kGauge, "", "",
    "1 in a phase of heavy workload whose requests are answered at more than the usual rate "
    "by at least half of what is asked for, else 0."};
constexpr MetricRow kHeavyAsked{"sonde_workload_heavy_asked", MetricType::kGauge, "", "",
                                "1 in a phase of heavy workload, answered or not, else 0."};
constexpr MetricRow kSkipped{"sonde_workload_skipped_requests_total", MetricType::kCounter, "", "",
                             "Requests never sent because they were over a second late."};
constexpr std::array kWorkloadRows = {kRate, kHeavy, kHeavyAsked, kSkipped};

constexpr std::chrono::milliseconds kPace(100);

}  // namespace

std::span<const MetricRow> workload_metric_rows() {
  return kWorkloadRows;
}

Workload::Workload(WorkloadOptions options)
    : curve_(std::move(options.curve)),
      start_(SteadyClock::now()),
      base_rate_(options.rate),
      updated_(start_),
      schedule_(options.rate * curve_.factor_at(std::chrono::milliseconds(0)), start_),
      generator_(std::move(options.requests), schedule_, statistics_) {}

Result<void> Workload::start() {
  if (auto started = generator_.start(); !started) return started;
  pacer_ = std::jthread([this](const std::stop_token& stop) { pace(stop); });
  return {};
}

void Workload::set_rate(double rate) {
  {
    const std::lock_guard lock(mutex_);
    base_rate_ = rate;
  }
  update_rate();
}

void Workload::set_heavy(double factor) {
  {
    const std::lock_guard lock(mutex_);
    heavy_factor_ = factor;
    heavy_.reset();
    if (factor != 1) heavy_.emplace(factor, statistics_.answered());
    updated_ = SteadyClock::now();
  }
  update_rate();
}

bool Workload::was_heavy() {
  update_rate();
  const std::lock_guard lock(mutex_);
  return heavy_ && heavy_->was_reached();
}

void Workload::pace(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    update_rate();
    woken.wait_for(lock, stop, kPace, [] { return false; });
  }
}

void Workload::update_rate() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = SteadyClock::now();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_);
  const double usual = base_rate_ * curve_.factor_at(since);
  if (heavy_) {
    heavy_->advance(std::chrono::duration<double>(now - updated_).count(), usual, statistics_.answered());
  }
  updated_ = now;
  schedule_.set_rate(usual * heavy_factor_, now);
}

void Workload::write_metrics(metrics::SeriesWriter& writer) const {
  writer.family(kRate);
  writer.sample(schedule_.rate());
  writer.family(kHeavy);
  {
    const std::lock_guard lock(mutex_);
    writer.sample(heavy_ && heavy_->is_reached() ? 1 : 0);
    writer.family(kHeavyAsked);
    writer.sample(heavy_ ? 1 : 0);
  }
  writer.family(kSkipped);
  writer.sample(static_cast<double>(schedule_.skipped()));
  statistics_.write_metrics(writer);
}

}  // namespace sonde::inject
