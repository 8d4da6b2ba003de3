#include "analyzer/series/frame_builder.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sonde::analyzer {

FrameBuilder::FrameBuilder(const Grid& grid, SeriesKind kind, int64_t lookback_ms)
    : grid_(grid), kind_(kind), lookback_ms_(lookback_ms) {
  take();
}

void FrameBuilder::add(const LabelSet& labels, std::span<const Sample> samples) {
  const size_t begin = frame_.values.size();
  frame_.values.resize(begin + grid_.columns);
  const std::span<double> row(frame_.values.data() + begin, grid_.columns);
  if (kind_ == SeriesKind::kCounter) {
    align_rate(samples, grid_, lookback_ms_, row);
  } else {
    align_gauge(samples, grid_, lookback_ms_, row);
  }
  if (std::ranges::all_of(row, is_gap)) {
    frame_.values.resize(begin);
  } else {
    frame_.series.push_back(labels);
  }
}

Frame FrameBuilder::take() {
  Frame empty;
  empty.start_ms = grid_.start_ms;
  empty.step_ms = grid_.step_ms;
  empty.columns = grid_.columns;
  return std::exchange(frame_, std::move(empty));
}

namespace {

/// Adds one row to a sum, by the rule of sum_by(). `exists` tells which columns any row has reached so far.
void add_row(std::span<const double> row, std::span<double> sum, std::span<char> exists) {
  const auto value = [](double cell) { return !is_gap(cell); };
  const auto first = std::ranges::find_if(row, value);
  const auto end = std::find_if(row.rbegin(), row.rend(), value).base();
  for (auto cell = first; cell < end; ++cell) {
    const auto column = static_cast<size_t>(cell - row.begin());
    sum[column] = exists[column] != 0 ? sum[column] + *cell : *cell;  // NaN, a gap, stays one
    exists[column] = 1;
  }
}

}  // namespace

Frame sum_by(const Frame& frame, std::span<const std::string> labels) {
  std::map<LabelSet, std::vector<size_t>> groups;
  for (size_t r = 0; r < frame.rows(); ++r) groups[frame.series[r].project(labels)].push_back(r);

  Frame sums;
  sums.start_ms = frame.start_ms;
  sums.step_ms = frame.step_ms;
  sums.columns = frame.columns;
  sums.series.reserve(groups.size());
  sums.values.assign(groups.size() * frame.columns, kGap);
  std::vector<char> exists(frame.columns);
  for (const auto& [group, rows] : groups) {
    sums.series.push_back(group);
    std::ranges::fill(exists, 0);
    for (const size_t r : rows) add_row(frame.row(r), sums.row(sums.rows() - 1), exists);
  }
  return sums;
}

}  // namespace sonde::analyzer
