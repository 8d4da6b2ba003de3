#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "analyzer/series/sample.h"

namespace sonde::analyzer {

/// Equidistant times: start_ms + c * step_ms for c in [0, columns).
struct Grid {
  int64_t start_ms = 0;
  int64_t step_ms = 1;
  size_t columns = 0;

  [[nodiscard]] int64_t time_ms(size_t column) const {
    return start_ms + static_cast<int64_t>(column) * step_ms;
  }
  /// The columns whose times lie in [start_ms, end_ms]. REQUIRES: step_ms > 0.
  static Grid covering(int64_t start_ms, int64_t end_ms, int64_t step_ms);
};

/// What the values of a series mean.
enum class SeriesKind { kGauge, kCounter };

/// Lays a gauge on the grid: each cell takes the newest sample that is neither after the cell's time nor more
/// than lookback_ms older. A staleness marker ends the series until its next sample; NaN and ±Inf are gaps.
///
/// Shape: out.size() == grid.columns; samples ascend in time and may begin before the grid.
void align_gauge(std::span<const Sample> samples, const Grid& grid, int64_t lookback_ms,
                 std::span<double> out);

/// Lays a counter on the grid as its rate per second: the increase since the sample that the previous cell
/// stood on, divided by the time between the two samples (not by the step, so that jitter of the scrapes does
/// not show). A cell without a new sample repeats the rate for as long as the last sample is within
/// lookback_ms. A value below its predecessor is a reset: it counts from 0. The first sample of a series,
/// after a staleness marker, or more than lookback_ms after its predecessor gives a gap, as its increase is
/// unknown. NaN and ±Inf are passed over. Of a gauge it is the change per second: what falls is no reset.
///
/// Shape: out.size() == grid.columns; give the samples of at least one step and lookback before the grid.
/// Unit: counter units per second.
void align_rate(std::span<const Sample> samples, const Grid& grid, int64_t lookback_ms, std::span<double> out,
                SeriesKind kind = SeriesKind::kCounter);

}  // namespace sonde::analyzer
