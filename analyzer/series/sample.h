#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace sonde::analyzer {

/// One sample as Prometheus stores it: milliseconds since the Unix epoch, and a value whose NaN payload
/// matters.
struct Sample {
  int64_t timestamp_ms = 0;
  double value = 0;
};

/// The NaN with which Prometheus marks the end of a series (staleness marker).
/// Source: prometheus/model/value, StaleNaN.
inline constexpr uint64_t kStaleNanBits = 0x7ff0000000000002ULL;

/// True for a staleness marker. Compares bits, before any arithmetic could quiet the NaN.
inline bool is_stale(double value) {
  return std::bit_cast<uint64_t>(value) == kStaleNanBits;
}

}  // namespace sonde::analyzer
