#include "analyzer/pipeline/column_clock.h"

#include <algorithm>
#include <cassert>

namespace sonde::analyzer {
namespace {

int64_t modulo(int64_t value, int64_t divisor) {
  const int64_t rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}

int64_t floor_divide(int64_t value, int64_t divisor) {
  return (value - modulo(value, divisor)) / divisor;
}

}  // namespace

ColumnClock::ColumnClock(int64_t step_ms, std::vector<int64_t> sample_times_ms) : step_ms_(step_ms) {
  assert(step_ms > 0 && !sample_times_ms.empty());
  std::vector<int64_t>& phases = sample_times_ms;
  for (int64_t& time : phases) time = modulo(time, step_ms);
  std::ranges::sort(phases);
  // The stretch behind the last phase wraps around to the first one.
  int64_t last_before = phases.back();
  int64_t largest = phases.front() + step_ms - phases.back();
  for (size_t i = 1; i < phases.size(); ++i) {
    if (phases[i] - phases[i - 1] > largest) {
      largest = phases[i] - phases[i - 1];
      last_before = phases[i - 1];
    }
  }
  lead_ms_ = largest / 2;
  border_ms_ = modulo(last_before + lead_ms_, step_ms);
}

int64_t ColumnClock::column_of(int64_t time_ms) const {
  return floor_divide(time_ms - border_ms_ - 1, step_ms_);
}

int64_t ColumnClock::end_ms(int64_t column) const {
  return border_ms_ + (column + 1) * step_ms_;
}

int64_t ColumnClock::time_ms(int64_t column) const {
  return end_ms(column) - lead_ms_;
}

bool ColumnClock::near_border(int64_t time_ms) const {
  const int64_t distance = modulo(time_ms - border_ms_, step_ms_);
  return std::min(distance, step_ms_ - distance) * 20 < step_ms_;
}

}  // namespace sonde::analyzer
