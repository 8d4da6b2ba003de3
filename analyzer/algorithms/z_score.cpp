#include "analyzer/algorithms/z_score.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>

#include "analyzer/algorithms/statistics.h"

namespace sonde::analyzer {
namespace {

struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// The order statistics that outer values are pulled to; none cut means no bounds.
Bounds winsorising_bounds(std::span<double> values, size_t cut) {
  if (cut == 0) return {};
  const auto low = values.begin() + static_cast<std::ptrdiff_t>(cut);
  const auto high = values.end() - static_cast<std::ptrdiff_t>(cut) - 1;
  std::nth_element(values.begin(), low, values.end());
  const double lowest = *low;
  std::nth_element(low, high, values.end());
  return {lowest, *high};
}

}  // namespace

Baseline estimate_baseline(std::span<double> values, const DeviationFloors& floors) {
  assert(!values.empty() && floors.absolute > 0);
  const double middle = median(values);
  const auto count = static_cast<double>(values.size());
  const auto cut = static_cast<size_t>(kWinsorisedShare * count);
  const Bounds bounds = winsorising_bounds(values, cut);

  double sum = 0;
  for (const double value : values) sum += std::clamp(value, bounds.low, bounds.high);
  const double mean = sum / count;
  double squares = 0;
  for (const double value : values) {
    const double offset = std::clamp(value, bounds.low, bounds.high) - mean;
    squares += offset * offset;
  }
  double deviation = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  if (cut > 0) deviation *= kWinsorisedToSigma;
  return {mean, std::max({deviation, floors.relative * std::fabs(middle), floors.absolute})};
}

double z_score(double value, const Baseline& baseline) {
  return (value - baseline.mean) / baseline.deviation;
}

double mean_squared(std::span<const double> z_scores) {
  double sum = 0;
  size_t count = 0;
  for (const double z : z_scores) {
    if (std::isnan(z)) continue;
    sum += z * z;
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

}  // namespace sonde::analyzer
