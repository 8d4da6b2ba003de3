#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sonde::analyzer {

/// A table for the classifiers: rows of features, and the class of each row.
struct LabelledRows {
  size_t columns = 0;
  size_t class_count = 0;
  std::vector<double> features;   ///< rows × columns, row-major; no NaN
  std::vector<uint32_t> classes;  ///< one a row, < class_count

  [[nodiscard]] size_t rows() const { return classes.size(); }
  [[nodiscard]] std::span<const double> row(size_t index) const {
    return std::span(features).subspan(index * columns, columns);
  }
};

}  // namespace sonde::analyzer
