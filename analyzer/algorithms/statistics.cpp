#include "analyzer/algorithms/statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

namespace sonde::analyzer {

double quantile(std::span<double> values, double q) {
  assert(!values.empty() && q >= 0 && q <= 1);
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), nth, values.end());
  const double low = *nth;
  const double part = place - std::floor(place);
  if (part <= 0) return low;
  // The next order statistic is the smallest of what nth_element put behind the first one.
  const double high = *std::min_element(nth + 1, values.end());
  return low + part * (high - low);
}

double median(std::span<double> values) {
  return quantile(values, 0.5);
}

double interquartile_range(std::span<double> values) {
  return quantile(values, 0.75) - quantile(values, 0.25);
}

}  // namespace sonde::analyzer
