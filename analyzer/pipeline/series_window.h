#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "analyzer/pipeline/column_clock.h"
#include "analyzer/pipeline/metric_mapper.h"
#include "analyzer/series/frame.h"
#include "analyzer/series/sample.h"

namespace sonde::analyzer {

/// The frames of one column and the ones before it, in the form that detectors take.
struct WindowFrames {
  std::vector<Entity> entities;
  std::map<std::string, Frame> containers;
  std::vector<Entity> service_entities;
  std::map<std::string, Frame> services;
};

/// The recent samples of every series, and the aligned columns made of them: the analyzer's only store, which
/// is filled from Prometheus at start.
///
/// Threads: one.
class SeriesWindow {
 public:
  /// REQUIRES: mapper outlives the window.
  SeriesWindow(const MetricMapper& mapper, int64_t step_ms, size_t frame_columns);

  /// Takes one series' samples, ascending; those not newer than what is known are passed over. Series that
  /// the metric map does not name are ignored.
  void ingest(const LabelSet& labels, std::span<const Sample> samples);

  /// The next column to be judged, if it is complete: nearly all living series reported, or some series is
  /// already past it, or it is overdue.
  [[nodiscard]] std::optional<int64_t> complete_column(int64_t now_ms);
  /// Makes the column the newest one of frames(). REQUIRES: columns in the order of complete_column().
  void advance(int64_t column);

  [[nodiscard]] const WindowFrames& frames() const { return frames_; }
  [[nodiscard]] int64_t time_ms(int64_t column) const { return clock_->time_ms(column); }
  /// The oldest sample that a value of the newest column was made of: about two steps before it, more where a
  /// scrape was missed, as the values before are repeated then and the rates after reach across.
  [[nodiscard]] int64_t reaches_back_to_ms() const;
  /// When the next column can be complete at the earliest; 0 while nothing is known.
  [[nodiscard]] int64_t next_due_ms() const;
  /// Of the newest sample taken in; 0 while there is none.
  [[nodiscard]] int64_t newest_ms() const { return newest_ms_; }
  /// For each quantity of the map, whether any series feeds it at the newest column.
  [[nodiscard]] std::vector<bool> quantities_present() const;

 private:
  struct Series {
    LabelSet labels;
    MetricMapper::Target target;
    std::vector<Sample> samples;  ///< from `first` on still needed
    size_t first = 0;
    std::vector<double> columns;  ///< frame_columns values, the newest last
    std::vector<char> alive;      ///< whether the series existed in that column
    int64_t stands_on_ms = 0;     ///< the newest sample of the last column that had one
    int64_t from_ms = 0;          ///< the last value was made of samples from this one on
    int64_t last_ms = 0;
    bool ended = false;  ///< its last sample is a staleness marker
  };
  struct LabelsHash {
    size_t operator()(const LabelSet& labels) const;
  };

  void place_clock();
  void fill(Series& series, int64_t end_ms);
  void forget_dead();
  void rebuild_rows();
  [[nodiscard]] LabelSet external_labels() const;
  void rebuild_values();
  void sum_services();
  [[nodiscard]] Frame empty_frame(size_t rows) const;

  const MetricMapper& mapper_;
  int64_t step_ms_;
  int64_t lookback_ms_;
  size_t frame_columns_;
  std::optional<ColumnClock> clock_;
  std::vector<Series> series_;
  std::unordered_map<LabelSet, std::vector<size_t>, LabelsHash> by_labels_;
  std::vector<size_t> rows_;  ///< of each series in the frames
  WindowFrames frames_;
  int64_t next_column_ = 0;
  int64_t newest_ms_ = 0;
  size_t border_hits_ = 0;
};

}  // namespace sonde::analyzer
