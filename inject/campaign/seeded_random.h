#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace sonde::inject {

/// Random draws that are the same for a seed on every machine; the standard library's distributions are not.
class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}

  /// In [0, 1).
  double fraction() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }

  /// In [0, count); count > 0. Its bias, count in 2^53, is nothing that a campaign could show.
  size_t below(size_t count) { return static_cast<size_t>(fraction() * static_cast<double>(count)); }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sonde::inject
