#include "analyzer/algorithms/change_rate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace sonde::analyzer {

ChangeRate::ChangeRate(const ChangeRateOptions& options, double start_seconds, size_t active)
    : options_(options), last_update_seconds_(start_seconds), active_(active) {}

double ChangeRate::decay(double time_seconds) const {
  const double elapsed = std::max(0.0, time_seconds - last_update_seconds_);
  return std::exp2(-elapsed / options_.half_life_seconds);
}

void ChangeRate::update(double time_seconds, size_t added, size_t removed, size_t active_after) {
  const size_t changes = added + removed;
  if (changes == 0) return;
  assert(time_seconds > last_update_seconds_);
  const double raw = static_cast<double>(changes) / (time_seconds - last_update_seconds_);
  // One of the two is not zero, as something was added or removed.
  const auto active = static_cast<double>(std::max(active_after, active_));
  const double kept = (1 - options_.alpha) * decay(time_seconds);
  rate_ = options_.alpha * raw + kept * rate_;
  normalised_ = options_.alpha * raw / std::max(active, 1.0) + kept * normalised_;
  last_update_seconds_ = time_seconds;
  active_ = active_after;
}

double ChangeRate::rate(double time_seconds) const {
  return rate_ * decay(time_seconds);
}

double ChangeRate::normalised_rate(double time_seconds) const {
  return normalised_ * decay(time_seconds);
}

std::optional<double> change_rate_threshold(std::span<const double> non_zero_scores, size_t minimum) {
  if (non_zero_scores.size() < std::max<size_t>(minimum, 1)) return std::nullopt;
  const double mean = std::accumulate(non_zero_scores.begin(), non_zero_scores.end(), 0.0) /
                      static_cast<double>(non_zero_scores.size());
  const double third_quartile = mean * std::log(4.0);
  const double interquartile = mean * std::log(3.0);
  return third_quartile + 1.5 * interquartile;
}

}  // namespace sonde::analyzer
