#pragma once

#include <chrono>

#include "common/clock.h"

namespace sonde::inject {

/// How much of what was asked for was asked for when: the integral of the level over time, against which a
/// fault's effect is measured. Threads: one.
class LevelHistory {
 public:
  /// The level is 1 from `start` on.
  void begin(SteadyTime start) { *this = {start, start, 0, 1}; }
  void set(double level, SteadyTime now) {
    full_seconds_ = full_seconds(now);
    changed_ = now;
    level_ = level;
  }
  [[nodiscard]] double level() const { return level_; }
  /// Time at level 1 that amounts to the same, since the start. Unit: seconds.
  [[nodiscard]] double full_seconds(SteadyTime now) const {
    return full_seconds_ + level_ * std::chrono::duration<double>(now - changed_).count();
  }
  /// Mean level since the start; the level where no time has passed.
  [[nodiscard]] double mean(SteadyTime now) const {
    const double wall = std::chrono::duration<double>(now - start_).count();
    return wall > 0 ? full_seconds(now) / wall : level_;
  }

  LevelHistory() = default;

 private:
  LevelHistory(SteadyTime start, SteadyTime changed, double full_seconds, double level)
      : start_(start), changed_(changed), full_seconds_(full_seconds), level_(level) {}

  SteadyTime start_;
  SteadyTime changed_;
  double full_seconds_ = 0;
  double level_ = 1;
};

}  // namespace sonde::inject
