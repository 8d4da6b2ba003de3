#pragma once

#include <cstddef>
#include <vector>

namespace sonde::analyzer {

/// Numbers that the processor takes at once where it has AVX2, in halves where it does not.
inline constexpr size_t kPack = 4;
using Pack [[gnu::vector_size(kPack * sizeof(double)), gnu::may_alias]] = double;

/// Rows of equal length, each filled up with zeros to whole packs: products of rows need no rest.
class PaddedRows {
 public:
  /// All zero.
  PaddedRows(size_t rows, size_t columns)
      : packs_((columns + kPack - 1) / kPack), values_(rows * packs_, Aligned{}) {}

  /// Packs of a row.
  [[nodiscard]] size_t packs() const { return packs_; }
  /// Shape: packs() · kPack values, aligned as packs are.
  [[nodiscard]] double* row(size_t index) { return values_[index * packs_].numbers; }
  [[nodiscard]] const double* row(size_t index) const { return values_[index * packs_].numbers; }

 private:
  struct alignas(kPack * sizeof(double)) Aligned {
    double numbers[kPack];
  };

  size_t packs_;
  std::vector<Aligned> values_;
};

/// The inner product of two rows of that many packs.
[[gnu::always_inline]] inline double inner_product(const double* a, const double* b, size_t packs) {
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
[[gnu::always_inline]] inline void add_scaled(double* to, const double* from, double factor, size_t packs) {
  auto* const target = reinterpret_cast<Pack*>(to);
  const auto* const source = reinterpret_cast<const Pack*>(from);
  for (size_t i = 0; i < packs; ++i) target[i] += factor * source[i];
}

}  // namespace sonde::analyzer
