#pragma once

#include <chrono>
#include <cstdint>

namespace sonde {

/// For durations and deadlines; never goes backwards.
using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

/// Milliseconds since the Unix epoch, the unit of every Prometheus timestamp.
inline int64_t unix_milliseconds_now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// Seconds since the Unix epoch, the unit of every `_timestamp_seconds` metric.
inline double unix_seconds_now() {
  return static_cast<double>(unix_milliseconds_now()) / 1000.0;
}

}  // namespace sonde
