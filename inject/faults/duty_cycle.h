#pragma once

#include <atomic>
#include <chrono>
#include <vector>

namespace sonde::inject {

/// The period of a hog's thread that works for a part of the time only: 20 sleeps a second, little beside a
/// container's own context switches.
inline constexpr std::chrono::nanoseconds kDutyPeriod = std::chrono::milliseconds(50);

/// How much of a CPU each thread burns so that together they burn `cores`: full threads and a rest.
/// {1, 0.5} for 1.5 cores. Range: each above 0, at most 1.
std::vector<double> thread_shares(double cores);

/// How long a thread works in its next period. `debt` is the CPU time that it is behind (or, below 0, ahead)
/// after the last; at most one period of it is made up for, so that a thread which was throttled for long
/// does not burn more than its share for as long afterwards.
std::chrono::nanoseconds next_work(double share, std::chrono::nanoseconds& debt);

/// Burns shares.size() threads' CPU time until `deadline` passes, each its share times `level` (0 to 1, which
/// may change meanwhile); returns then.
void burn(const std::vector<double>& shares, const std::atomic<double>& level,
          std::chrono::steady_clock::time_point deadline);

}  // namespace sonde::inject
