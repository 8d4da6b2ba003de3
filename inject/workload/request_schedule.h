#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>

#include "common/clock.h"

namespace sonde::inject {

/// When requests are due: evenly spaced at a rate that may change at any time, whether or not earlier ones
/// have been answered (open loop). A request is handed out when it is due and not before, so that a new rate
/// holds from the next one on. What could not be sent within a second of its time is skipped and counted, so
/// that a long stall is not followed by a burst.
///
/// Threads: safe.
class RequestSchedule {
 public:
  /// Range: rate > 0, in requests per second.
  RequestSchedule(double rate, SteadyTime start) : rate_(rate), next_(start) {}

  /// The next request's time, where it is due by now: the caller sends it.
  std::optional<SteadyTime> take(SteadyTime now);
  /// Sleeps until a request is due and takes it; nothing once a stop is requested.
  std::optional<SteadyTime> wait(const std::stop_token& stop);

  /// From now on; what of the time to the next request has passed counts.
  void set_rate(double rate, SteadyTime now);
  [[nodiscard]] double rate() const;
  [[nodiscard]] uint64_t skipped() const;

 private:
  std::optional<SteadyTime> take_locked(SteadyTime now);

  mutable std::mutex mutex_;  ///< guards all members
  double rate_;
  SteadyTime next_;
  uint64_t skipped_ = 0;
  bool watched_ = false;                 ///< one thread sleeps until next_, the others until it is their turn
  std::condition_variable_any turn_;     ///< watched_ has become false
  std::condition_variable_any changed_;  ///< next_ is another, because of a new rate
};

}  // namespace sonde::inject
