#pragma once

#include <cstdint>
#include <mutex>

#include "common/clock.h"

namespace sonde::inject {

/// When requests are due: evenly spaced at a rate that may change at any time, whether or not earlier ones
/// have been answered (open loop). What could not be sent within a second of its time is skipped and counted,
/// so that a long stall is not followed by a burst.
///
/// Threads: safe.
class RequestSchedule {
 public:
  /// Range: rate > 0, in requests per second.
  RequestSchedule(double rate, SteadyTime start) : rate_(rate), next_(start) {}

  /// The next request's time, which may already have passed. The caller sends it then.
  SteadyTime next(SteadyTime now);

  void set_rate(double rate);
  [[nodiscard]] double rate() const;
  [[nodiscard]] uint64_t skipped() const;

 private:
  mutable std::mutex mutex_;  ///< guards all members
  double rate_;
  SteadyTime next_;
  uint64_t skipped_ = 0;
};

}  // namespace sonde::inject
