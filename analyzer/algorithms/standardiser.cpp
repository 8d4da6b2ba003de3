#include "analyzer/algorithms/standardiser.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace sonde::analyzer {
namespace {

/// Calls `use(column, value)` for each value that is not missing.
template <class Use>
void for_each_value(std::span<const double> features, size_t columns, Use&& use) {
  for (size_t begin = 0; begin < features.size(); begin += columns) {
    for (size_t column = 0; column < columns; ++column) {
      if (const double value = features[begin + column]; !std::isnan(value)) use(column, value);
    }
  }
}

/// What a column is divided by.
double unit_of(double deviation) {
  return deviation > 0 ? deviation : 1;
}

}  // namespace

Standardiser Standardiser::fit(std::span<const double> features, size_t columns) {
  assert(columns > 0 && features.size() % columns == 0);
  Standardiser fitted;
  fitted.means_.assign(columns, 0);
  fitted.deviations_.assign(columns, 0);
  std::vector<double> counts(columns, 0);
  for_each_value(features, columns, [&](size_t column, double value) {
    fitted.means_[column] += value;
    ++counts[column];
  });
  for (size_t column = 0; column < columns; ++column) {
    if (counts[column] > 0) fitted.means_[column] /= counts[column];
  }
  for_each_value(features, columns, [&](size_t column, double value) {
    const double offset = value - fitted.means_[column];
    fitted.deviations_[column] += offset * offset;
  });
  for (size_t column = 0; column < columns; ++column) {
    double& deviation = fitted.deviations_[column];
    deviation = counts[column] > 0 ? std::sqrt(deviation / counts[column]) : 0;
    // What the mean of equal values leaves by rounding is no deviation.
    const double rounding =
        counts[column] * std::numeric_limits<double>::epsilon() * std::fabs(fitted.means_[column]);
    if (deviation <= rounding) deviation = 0;
  }
  return fitted;
}

Standardiser Standardiser::of(std::vector<double> means, std::vector<double> deviations) {
  assert(means.size() == deviations.size());
  Standardiser made;
  made.means_ = std::move(means);
  made.deviations_ = std::move(deviations);
  return made;
}

Standardiser Standardiser::moved(const Standardiser& there, const Standardiser& here) const {
  assert(there.means_.size() == means_.size() && here.means_.size() == means_.size());
  Standardiser moved;
  for (size_t column = 0; column < means_.size(); ++column) {
    const double least = kLeastNormalShare * unit_of(deviations_[column]);
    const double stretch =
        std::max(here.deviations_[column], least) / std::max(there.deviations_[column], least);
    moved.means_.push_back(here.means_[column] + stretch * (means_[column] - there.means_[column]));
    moved.deviations_.push_back(stretch * deviations_[column]);
  }
  return moved;
}

void Standardiser::apply(std::span<double> features) const {
  const size_t columns = means_.size();
  assert(features.size() % columns == 0);
  for (size_t begin = 0; begin < features.size(); begin += columns) {
    for (size_t column = 0; column < columns; ++column) {
      double& value = features[begin + column];
      value = std::isnan(value) ? 0 : (value - means_[column]) / unit_of(deviations_[column]);
    }
  }
}

}  // namespace sonde::analyzer
