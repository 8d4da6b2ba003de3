#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sonde::analyzer {

/// Of a column's deviation over all rows, faults and all: what it has at least in rows without a fault.
inline constexpr double kLeastNormalShare = 0.05;

/// Brings each column to mean 0 and standard deviation 1 (n, not n - 1), as they are in the rows it was
/// fitted on. A column that never changes there has deviation 0 and is only shifted.
class Standardiser {
 public:
  /// Shape: `features` holds rows × columns, row-major; NaN (missing) is left out, a column of nothing else
  /// has mean 0. REQUIRES: columns > 0.
  static Standardiser fit(std::span<const double> features, size_t columns);

  /// From what another one has. REQUIRES: as many of either; deviations >= 0.
  static Standardiser of(std::vector<double> means, std::vector<double> deviations);

  /// This scale for rows of other surroundings: what lay at `there` (of normal rows where this one was
  /// fitted) lies at `here` (of normal rows of those surroundings), so a row as many of its normal deviations
  /// away as one there comes out the same. A deviation counts as kLeastNormalShare of this scale's at least:
  /// how much a column varies that (almost) never changes without a fault is not known. REQUIRES: the same
  /// columns.
  [[nodiscard]] Standardiser moved(const Standardiser& there, const Standardiser& here) const;

  /// In place, for any number of rows. NaN becomes 0: what is missing counts as the mean.
  void apply(std::span<double> features) const;

  [[nodiscard]] std::span<const double> means() const { return means_; }
  [[nodiscard]] std::span<const double> deviations() const { return deviations_; }

 private:
  std::vector<double> means_;
  std::vector<double> deviations_;  ///< >= 0
};

}  // namespace sonde::analyzer
