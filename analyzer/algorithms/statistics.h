#pragma once

#include <span>

namespace sonde::analyzer {

/// The q-quantile by linear interpolation between order statistics (type 7, the default of numpy and R).
///
/// Reorders `values`. REQUIRES: not empty, no NaN, 0 <= q <= 1. Cost: O(n).
double quantile(std::span<double> values, double q);

/// The 0.5-quantile. Reorders `values`. REQUIRES: not empty, no NaN.
double median(std::span<double> values);

/// Third quartile minus first quartile. Reorders `values`. REQUIRES: not empty, no NaN.
double interquartile_range(std::span<double> values);

}  // namespace sonde::analyzer
