#include "analyzer/series/align.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "analyzer/series/frame.h"

namespace sonde::analyzer {
namespace {

/// A counter freed of its resets, or a gauge as it is, read sample by sample.
///
/// A chain is a stretch of samples whose increases are known: no staleness marker in it, no hole over
/// lookback.
class CounterWalk {
 public:
  struct Point {
    int64_t timestamp_ms = 0;
    double total = 0;    ///< increase since the chain began
    uint64_t chain = 0;  ///< 0: no sample yet, or the series has ended
  };

  CounterWalk(std::span<const Sample> samples, int64_t lookback_ms, SeriesKind kind)
      : samples_(samples), lookback_ms_(lookback_ms), resets_(kind == SeriesKind::kCounter) {}

  /// Takes in every sample up to and including the time; where the series stands then, chain 0 if nowhere.
  Point advance(int64_t time_ms) {
    while (next_ < samples_.size() && samples_[next_].timestamp_ms <= time_ms) take(samples_[next_++]);
    const bool too_old = now_.chain != 0 && now_.timestamp_ms < time_ms - lookback_ms_;
    return too_old ? Point{} : now_;
  }

  /// Where the chain of the last sample began.
  [[nodiscard]] Point chain_start() const { return start_; }

 private:
  void take(const Sample& sample) {
    if (is_stale(sample.value)) {
      now_.chain = 0;
      return;
    }
    if (!std::isfinite(sample.value)) return;
    if (now_.chain == 0 || sample.timestamp_ms - now_.timestamp_ms > lookback_ms_) {
      now_ = start_ = Point{sample.timestamp_ms, 0, ++chains_};
    } else {
      now_.total += resets_ && sample.value < value_ ? sample.value : sample.value - value_;
      now_.timestamp_ms = sample.timestamp_ms;
    }
    value_ = sample.value;
  }

  std::span<const Sample> samples_;
  int64_t lookback_ms_;
  bool resets_;
  size_t next_ = 0;
  uint64_t chains_ = 0;
  Point now_;
  Point start_;
  double value_ = 0;
};

}  // namespace

Grid Grid::covering(int64_t start_ms, int64_t end_ms, int64_t step_ms) {
  assert(step_ms > 0);
  const bool none = end_ms < start_ms;
  return {start_ms, step_ms, none ? 0 : static_cast<size_t>((end_ms - start_ms) / step_ms) + 1};
}

void align_gauge(std::span<const Sample> samples, const Grid& grid, int64_t lookback_ms,
                 std::span<double> out) {
  assert(out.size() == grid.columns);
  size_t next = 0;  // the first sample after the cell's time
  int64_t time_ms = grid.start_ms;
  for (double& cell : out) {
    while (next < samples.size() && samples[next].timestamp_ms <= time_ms) ++next;
    cell = kGap;
    if (next > 0) {
      const Sample& newest = samples[next - 1];  // a staleness marker is a NaN too
      if (newest.timestamp_ms >= time_ms - lookback_ms && std::isfinite(newest.value)) cell = newest.value;
    }
    time_ms += grid.step_ms;
  }
}

void align_rate(std::span<const Sample> samples, const Grid& grid, int64_t lookback_ms, std::span<double> out,
                SeriesKind kind) {
  assert(out.size() == grid.columns);
  CounterWalk walk(samples, lookback_ms, kind);
  CounterWalk::Point before = walk.advance(grid.start_ms - grid.step_ms);
  double rate = kGap;
  if (before.chain != 0 && before.timestamp_ms > walk.chain_start().timestamp_ms) {
    // Known already before the grid: what the first cell repeats if it has no sample of its own.
    const CounterWalk::Point start = walk.chain_start();
    rate =
        1000.0 * (before.total - start.total) / static_cast<double>(before.timestamp_ms - start.timestamp_ms);
  }
  for (size_t column = 0; column < grid.columns; ++column) {
    const CounterWalk::Point now = walk.advance(grid.time_ms(column));
    if (now.chain == 0) {
      rate = kGap;
    } else if (now.chain != before.chain || now.timestamp_ms != before.timestamp_ms) {
      const CounterWalk::Point from = now.chain == before.chain ? before : walk.chain_start();
      const auto elapsed_ms = static_cast<double>(now.timestamp_ms - from.timestamp_ms);
      rate = elapsed_ms > 0 ? 1000.0 * (now.total - from.total) / elapsed_ms : kGap;
    }
    out[column] = rate;
    before = now;
  }
}

}  // namespace sonde::analyzer
