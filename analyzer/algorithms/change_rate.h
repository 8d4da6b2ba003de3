#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace sonde::analyzer {

struct ChangeRateOptions {
  double alpha = 0.3;              ///< weight of an update, in [0, 1]
  double half_life_seconds = 600;  ///< a score halves in this time without updates
};

/// How often the instance set of one service changes: two exponentially smoothed rates.
///
/// On an update, dt seconds after the one before: r = (added + removed) / dt, score ← α r + (1 - α) score;
/// the normalised rate divides r by max(active now, active before). Between updates the score decays, so that
/// a service that calmed down does not stay flagged. Source: "Change rate anomaly in a service mesh"; the
/// decay is ours.
class ChangeRate {
 public:
  /// Observation begins: the first update's dt counts from here. Unit: seconds.
  ChangeRate(const ChangeRateOptions& options, double start_seconds, size_t active);

  /// The instance set changed. An update without a change is none. REQUIRES: time after the last update's.
  void update(double time_seconds, size_t added, size_t removed, size_t active_after);

  /// Changes per second, decayed to `time_seconds`.
  [[nodiscard]] double rate(double time_seconds) const;
  /// Changes per second and instance, decayed to `time_seconds`.
  [[nodiscard]] double normalised_rate(double time_seconds) const;
  [[nodiscard]] size_t active() const { return active_; }

 private:
  [[nodiscard]] double decay(double time_seconds) const;

  ChangeRateOptions options_;
  double last_update_seconds_;
  size_t active_;
  double rate_ = 0;
  double normalised_ = 0;
};

/// Above this a score is an outlier among the non-zero scores of all services, taken as exponential with mean
/// μ: Q3 + 1.5 IQR = μ (ln 4 + 1.5 ln 3). Nothing where fewer than `minimum` scores are given: among few
/// services nobody can say what is usual.
std::optional<double> change_rate_threshold(std::span<const double> non_zero_scores, size_t minimum);

}  // namespace sonde::analyzer
