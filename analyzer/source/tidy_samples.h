#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "analyzer/series/sample.h"

namespace sonde::analyzer {

/// What tidy_samples() removed.
struct TidyCounts {
  uint64_t duplicates = 0;  ///< an equal timestamp came later
  uint64_t clipped = 0;     ///< outside the range
};

/// True where nothing needs sorting: each sample is later than the one before.
bool strictly_ascending(std::span<const Sample> samples);

/// What tidy_samples() allocates for a while, for each sample, unless they are strictly ascending.
inline constexpr size_t kTidyBytesPerSample = sizeof(Sample) + sizeof(uint32_t);

/// Brings the samples of one series into ascending order of time, without repeated timestamps (the one that
/// came last counts) and within [start_ms, end_ms]. Works in place; returns the part that remains.
/// REQUIRES: fewer than 2^32 samples.
std::span<Sample> tidy_samples(std::span<Sample> samples, int64_t start_ms, int64_t end_ms,
                               TidyCounts& counts);

}  // namespace sonde::analyzer
