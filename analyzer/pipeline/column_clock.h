#pragma once

#include <cstdint>
#include <vector>

namespace sonde::analyzer {

/// Divides time into columns of one step so that every target's scrape falls well inside a column.
///
/// Prometheus scrapes each target at its own fixed offset within the interval. The border between columns is
/// put into the middle of the largest stretch without samples: jitter then moves no sample into a
/// neighbouring column, and a column is complete as soon as the last target before the border was scraped.
class ColumnClock {
 public:
  /// Finds the border from the times of recent samples. REQUIRES: step_ms > 0, not empty.
  ColumnClock(int64_t step_ms, std::vector<int64_t> sample_times_ms);

  /// The column that a sample at this time belongs to. Column c covers (end_ms(c) - step, end_ms(c)].
  [[nodiscard]] int64_t column_of(int64_t time_ms) const;
  [[nodiscard]] int64_t end_ms(int64_t column) const;
  /// When the last target's sample of the column is taken: what people see as the column's time, and the
  /// earliest time at which it can be complete. Never after end_ms.
  [[nodiscard]] int64_t time_ms(int64_t column) const;
  /// True for a time within a twentieth of a step of a border: if many samples are, the border is misplaced.
  [[nodiscard]] bool near_border(int64_t time_ms) const;
  [[nodiscard]] int64_t step_ms() const { return step_ms_; }

 private:
  int64_t step_ms_;
  int64_t border_ms_ = 0;  ///< end of column -1, in [0, step)
  int64_t lead_ms_ = 0;    ///< from the last target's sample to the border
};

}  // namespace sonde::analyzer
