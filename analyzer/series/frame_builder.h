#pragma once

#include <span>
#include <string>

#include "analyzer/series/align.h"
#include "analyzer/series/frame.h"
#include "analyzer/series/label_set.h"
#include "analyzer/series/sample.h"

namespace sonde::analyzer {

/// Collects series into a frame; made to be called from a SeriesSink.
///
/// Threads: one.
class FrameBuilder {
 public:
  /// Gauges become align_gauge(), counters align_rate().
  FrameBuilder(const Grid& grid, SeriesKind kind, int64_t lookback_ms);

  /// Adds a row, in the order of the calls; a series without any value on the grid makes none.
  void add(const LabelSet& labels, std::span<const Sample> samples);

  /// The frame; the builder is empty after it.
  Frame take();

 private:
  Grid grid_;
  SeriesKind kind_;
  int64_t lookback_ms_;
  Frame frame_;
};

/// Sums the rows that agree in the labels named, as `sum by (labels)` does; the result's rows have these
/// labels only, in their order. How gaps count: before a row's first value and after its last one it does not
/// exist (a replica came or went) and adds nothing; a gap between the two makes the sum a gap, because a sum
/// without it would look like a drop. A column where no row exists is a gap.
Frame sum_by(const Frame& frame, std::span<const std::string> labels);

}  // namespace sonde::analyzer
