#pragma once

#include <span>

namespace sonde::analyzer {

/// What is normal for one quantity of one container.
struct Baseline {
  double mean = 0;
  double deviation = 1;  ///< standard deviation, never below the floors; > 0
};

/// Below these a deviation is raised, because a quantity that hardly moves would turn every twitch into a
/// large z-score.
struct DeviationFloors {
  double relative = 0.02;  ///< share of |median|
  double absolute = 1e-9;  ///< in the quantity's own unit; > 0
};

/// Winsorised share on each side: what lies beyond these order statistics counts as if it lay on them, so
/// that a burst in the learning window neither moves the mean nor widens the deviation.
inline constexpr double kWinsorisedShare = 0.05;
/// sigma / (standard deviation after winsorising 5 % a side), for normal data:
/// 1 / sqrt(0.9 - 2 a phi(a) + 0.1 a^2), a = 1.6448536.
inline constexpr double kWinsorisedToSigma = 1.09680493;

/// Mean and standard deviation (n - 1) of the winsorised values, floored.
///
/// Reorders `values`. REQUIRES: not empty, no NaN. Cost: O(n).
Baseline estimate_baseline(std::span<double> values, const DeviationFloors& floors);

/// (value - mean) / deviation; NaN for a missing value.
double z_score(double value, const Baseline& baseline);

/// The mean of the squares of the z-scores that are not NaN; NaN if there is none.
///
/// Range: 1 on average for independent normal values with their own mean and deviation.
double mean_squared(std::span<const double> z_scores);

}  // namespace sonde::analyzer
