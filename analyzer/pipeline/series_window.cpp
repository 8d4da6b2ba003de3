#include "analyzer/pipeline/series_window.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <limits>
#include <set>
#include <utility>

#include "analyzer/series/align.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kNoRow = std::numeric_limits<size_t>::max();
/// A missed scrape is bridged by the value before it; two in a row are a gap.
constexpr double kLookbackSteps = 2.25;
/// A column is complete when this share of the living series reported. Less than all, because a series that
/// died without a staleness marker never reports.
constexpr double kCompleteShare = 0.95;

}  // namespace

size_t SeriesWindow::LabelsHash::operator()(const LabelSet& labels) const {
  size_t hash = 0;
  for (const auto& [name, value] : labels.pairs()) {
    hash = hash * 1099511628211ULL + std::hash<std::string_view>()(name);
    hash = hash * 1099511628211ULL + std::hash<std::string_view>()(value);
  }
  return hash;
}

SeriesWindow::SeriesWindow(const MetricMapper& mapper, int64_t step_ms, size_t frame_columns)
    : mapper_(mapper),
      step_ms_(step_ms),
      lookback_ms_(static_cast<int64_t>(kLookbackSteps * static_cast<double>(step_ms))),
      frame_columns_(frame_columns) {
  for (const MetricMapper::Quantity& quantity : mapper_.quantities()) {
    frames_.containers.emplace(quantity.name, empty_frame(0));
    frames_.services.emplace(quantity.name, empty_frame(0));
  }
}

Frame SeriesWindow::empty_frame(size_t rows) const {
  Frame frame;
  frame.step_ms = step_ms_;
  frame.columns = frame_columns_;
  frame.series.resize(rows);
  frame.values.assign(rows * frame_columns_, kGap);
  return frame;
}

void SeriesWindow::ingest(const LabelSet& labels, std::span<const Sample> samples) {
  if (samples.empty()) return;
  auto found = by_labels_.find(labels);
  if (found == by_labels_.end()) {
    std::vector<size_t> indices;
    for (MetricMapper::Target& target : mapper_.targets(labels)) {
      indices.push_back(series_.size());
      Series& series = series_.emplace_back();
      series.labels = labels;
      series.target = std::move(target);
      series.columns.assign(frame_columns_, kGap);
      series.alive.assign(frame_columns_, 0);
      rows_.push_back(kNoRow);
    }
    found = by_labels_.emplace(labels, std::move(indices)).first;
  }
  for (const size_t index : found->second) {
    Series& series = series_[index];
    for (const Sample& sample : samples) {
      if (sample.timestamp_ms <= series.last_ms) continue;
      series.samples.push_back(sample);
      series.last_ms = sample.timestamp_ms;
      series.ended = is_stale(sample.value);
    }
    newest_ms_ = std::max(newest_ms_, series.last_ms);
  }
}

void SeriesWindow::place_clock() {
  std::vector<int64_t> times;
  int64_t oldest = newest_ms_;
  for (const Series& series : series_) {
    if (newest_ms_ - series.last_ms <= lookback_ms_) times.push_back(series.last_ms);
    if (!series.samples.empty()) oldest = std::min(oldest, series.samples[series.first].timestamp_ms);
  }
  const bool moved = clock_.has_value();
  const int64_t judged_until = moved ? clock_->end_ms(next_column_ - 1) : oldest;
  clock_.emplace(step_ms_, std::move(times));
  // The oldest column is probably cut by the window's begin, and a rate needs one before it anyway.
  next_column_ = clock_->column_of(judged_until) + 1;
}

std::optional<int64_t> SeriesWindow::complete_column(int64_t now_ms) {
  if (newest_ms_ == 0) return std::nullopt;
  if (!clock_) place_clock();
  const int64_t newest_column = clock_->column_of(newest_ms_);
  if (newest_column < next_column_) return std::nullopt;
  if (newest_column > next_column_) return next_column_;
  size_t living = 0;
  size_t reported = 0;
  size_t near_border = 0;
  for (const Series& series : series_) {
    const int64_t column = clock_->column_of(series.last_ms);
    if (column == newest_column) {
      ++reported;
      ++living;
      near_border += clock_->near_border(series.last_ms) ? 1U : 0U;
    } else if (!series.ended && column + 2 >= newest_column) {
      ++living;
    }
  }
  const bool overdue = now_ms >= clock_->end_ms(next_column_) + step_ms_ / 2;
  if (static_cast<double>(reported) < kCompleteShare * static_cast<double>(living) && !overdue) {
    return std::nullopt;
  }
  // Scrapes that have wandered to the border (a target restarted elsewhere in the interval): place it anew,
  // for the columns after this one.
  border_hits_ = near_border * 5 > reported ? border_hits_ + 1 : 0;
  return next_column_;
}

void SeriesWindow::fill(Series& series, int64_t end_ms) {
  const Grid cell{end_ms, step_ms_, 1};
  const std::span<const Sample> samples = std::span(series.samples).subspan(series.first);
  const auto after = std::ranges::upper_bound(samples, end_ms, {}, &Sample::timestamp_ms);
  const bool alive = after != samples.begin() && !is_stale((after - 1)->value) &&
                     (after - 1)->timestamp_ms >= end_ms - lookback_ms_;
  double value = kGap;
  if (alive && (after - 1)->timestamp_ms == series.stands_on_ms) {
    value = series.columns.back();  // a missed scrape is bridged by what was before it
  } else if (alive) {
    const int64_t newest_ms = (after - 1)->timestamp_ms;
    const MetricEntry& entry = mapper_.quantities()[series.target.quantity].entry;
    const bool counter = entry.kind == MetricEntry::Kind::kCounter;
    if (counter || entry.as_change) {
      align_rate(samples, cell, lookback_ms_, {&value, 1},
                 counter ? SeriesKind::kCounter : SeriesKind::kGauge);
      const auto next = std::ranges::upper_bound(samples, end_ms - step_ms_, {}, &Sample::timestamp_ms);
      series.from_ms = next == samples.begin() ? newest_ms : (next - 1)->timestamp_ms;
    } else {
      align_gauge(samples, cell, lookback_ms_, {&value, 1});
      series.from_ms = newest_ms;
    }
    value *= entry.factor;
    series.stands_on_ms = newest_ms;
  }
  std::shift_left(series.columns.begin(), series.columns.end(), 1);
  std::shift_left(series.alive.begin(), series.alive.end(), 1);
  series.columns.back() = value;
  series.alive.back() = alive ? 1 : 0;
  // The next column needs what its predecessor stands on.
  while (series.first < series.samples.size() &&
         series.samples[series.first].timestamp_ms < end_ms - lookback_ms_) {
    ++series.first;
  }
  constexpr size_t kTidyAt = 64;
  if (series.first >= kTidyAt || series.first == series.samples.size()) {
    series.samples.erase(series.samples.begin(),
                         series.samples.begin() + static_cast<std::ptrdiff_t>(series.first));
    series.first = 0;
  }
}

void SeriesWindow::advance(int64_t column) {
  assert(clock_ && column == next_column_);
  bool changed = false;
  for (Series& series : series_) {
    const char before = series.alive.back();
    fill(series, clock_->end_ms(column));
    changed = changed || before != series.alive.back();
  }
  ++next_column_;
  if (changed) {
    forget_dead();
    rebuild_rows();
  }
  const int64_t first_time = clock_->time_ms(column) - static_cast<int64_t>(frame_columns_ - 1) * step_ms_;
  for (auto& [name, frame] : frames_.containers) frame.start_ms = first_time;
  for (auto& [name, frame] : frames_.services) frame.start_ms = first_time;
  rebuild_values();
  sum_services();
  constexpr size_t kHitsToMove = 3;
  if (border_hits_ >= kHitsToMove) {
    border_hits_ = 0;
    place_clock();
  }
}

void SeriesWindow::forget_dead() {
  const auto dead = [&](const Series& series) {
    return std::ranges::count(series.alive, 1) == 0 && series.first == series.samples.size();
  };
  if (std::ranges::none_of(series_, dead)) return;
  std::erase_if(series_, dead);
  by_labels_.clear();
  for (size_t i = 0; i < series_.size(); ++i) by_labels_[series_[i].labels].push_back(i);
  rows_.assign(series_.size(), kNoRow);
}

int64_t SeriesWindow::next_due_ms() const {
  return clock_ ? clock_->time_ms(next_column_) : 0;
}

int64_t SeriesWindow::reaches_back_to_ms() const {
  int64_t from_ms = newest_ms_;
  for (const Series& series : series_) {
    if (!is_gap(series.columns.back())) from_ms = std::min(from_ms, series.from_ms);
  }
  return from_ms;
}

std::vector<bool> SeriesWindow::quantities_present() const {
  std::vector<bool> present(mapper_.quantities().size(), false);
  for (const Series& series : series_) {
    if (series.alive.back() != 0) present[series.target.quantity] = true;
  }
  return present;
}

}  // namespace sonde::analyzer
