#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sonde::analyzer {

/// The series that expected.py makes for the same seed: exact in integers, so equal to the last bit.
inline std::vector<double> made_series(uint64_t seed, size_t count, double scale = 1.0) {
  constexpr uint64_t kModulus = 1ULL << 31;
  std::vector<double> values;
  uint64_t state = seed;
  for (size_t i = 0; i < count; ++i) {
    state = (state * 1103515245 + 12345) % kModulus;
    values.push_back(scale * static_cast<double>(state) / static_cast<double>(kModulus));
  }
  return values;
}

}  // namespace sonde::analyzer
