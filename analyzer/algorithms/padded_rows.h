#pragma once

#include <cstddef>
#include <vector>

namespace sonde::analyzer {

/// Four numbers that the processor takes at once.
using Pack [[gnu::vector_size(32), gnu::aligned(8), gnu::may_alias]] = double;
inline constexpr size_t kPack = 4;

/// Rows of equal length, each filled up with zeros to whole packs: products of rows need no rest.
class PaddedRows {
 public:
  /// All zero.
  PaddedRows(size_t rows, size_t columns)
      : packs_((columns + kPack - 1) / kPack), values_(rows * packs_ * kPack, 0) {}

  /// Packs of a row.
  [[nodiscard]] size_t packs() const { return packs_; }
  [[nodiscard]] double* row(size_t index) { return &values_[index * packs_ * kPack]; }
  [[nodiscard]] const double* row(size_t index) const { return &values_[index * packs_ * kPack]; }

 private:
  size_t packs_;
  std::vector<double> values_;
};

/// The inner product of two rows of that many packs.
inline double inner_product(const double* a, const double* b, size_t packs) {
  const auto* const left = reinterpret_cast<const Pack*>(a);
  const auto* const right = reinterpret_cast<const Pack*>(b);
  Pack even{};
  Pack odd{};  // two sums, so that one addition need not wait for the other
  size_t i = 0;
  for (; i + 1 < packs; i += 2) {
    even += left[i] * right[i];
    odd += left[i + 1] * right[i + 1];
  }
  if (i < packs) even += left[i] * right[i];
  even += odd;
  return even[0] + even[1] + (even[2] + even[3]);
}

/// to += factor · from, of that many packs.
inline void add_scaled(double* to, const double* from, double factor, size_t packs) {
  auto* const target = reinterpret_cast<Pack*>(to);
  const auto* const source = reinterpret_cast<const Pack*>(from);
  for (size_t i = 0; i < packs; ++i) target[i] += factor * source[i];
}

}  // namespace sonde::analyzer
