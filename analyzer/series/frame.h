#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "analyzer/series/label_set.h"

namespace sonde::analyzer {

/// The value of a cell without a sample: a gap. Detectors treat every NaN as missing, never as a number.
inline constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
inline bool is_gap(double value) {
  return std::isnan(value);
}

/// Series on one time grid.
///
/// Shape: row r is series r; column c is the time start_ms + c * step_ms; values row-major, rows × columns.
struct Frame {
  int64_t start_ms = 0;
  int64_t step_ms = 0;
  size_t columns = 0;
  std::vector<LabelSet> series;
  std::vector<double> values;

  [[nodiscard]] size_t rows() const { return series.size(); }
  [[nodiscard]] std::span<const double> row(size_t r) const { return {values.data() + r * columns, columns}; }
  [[nodiscard]] std::span<double> row(size_t r) { return {values.data() + r * columns, columns}; }
  [[nodiscard]] int64_t time_ms(size_t column) const {
    return start_ms + static_cast<int64_t>(column) * step_ms;
  }
};

}  // namespace sonde::analyzer
