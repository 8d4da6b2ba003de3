#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "exporter/bpf_map.h"

namespace sonde::exporter {

/// Estimates of what happened all the time, made of what was counted in windows.
///
/// At a window's end each key gets increment × (time since the last window's end ÷ length of this window):
/// the sums never fall and their mean is the true count. What is counted all the time is added as it is.
/// Threads: one.
class ScaledCounts {
 public:
  /// `sampled` of the `width` counters, the first ones, are counted in windows; the others all the time.
  /// `ratio`: the share of the time that is to lie in windows. `start`: the end of a window before the first.
  ScaledCounts(size_t width, size_t sampled, double ratio, SteadyTime start)
      : width_(width), sampled_(sampled), ratio_(ratio), last_end_(start) {}

  /// Counts from before the first window, which are left out.
  void set_baseline(const MapReading& reading);
  /// A window ended and `reading` was read after it.
  void add_window(const MapReading& reading, SteadyClock::duration length, SteadyTime end);
  /// A window ended and its counts could not be read: they come with the next one's and are scaled with them.
  void add_unread_window(SteadyClock::duration length) { unread_ += length; }

  /// The estimates. Replaces `reading`.
  void read(MapReading& reading) const;
  /// Forgets a key and returns its estimate; `last` are its counts as the kernel's entry was deleted, empty
  /// where there was none. What it counted since the last window's end is scaled by the ratio.
  std::vector<uint64_t> take(const MapKey& key, std::span<const uint64_t> last);

  /// Share of the time that lay in windows, since the first; `ratio` before it.
  [[nodiscard]] double share() const;

 private:
  struct KeyState {
    std::vector<uint64_t> counted;  ///< the kernel's counts at the last reading
    std::vector<double> scaled;     ///< the estimate; fractions carry over
  };

  KeyState& state_of(const MapKey& key);
  void add(KeyState& state, std::span<const uint64_t> counts, double scale) const;

  size_t width_;
  size_t sampled_;
  double ratio_;
  SteadyTime last_end_;
  SteadyClock::duration unread_{};  ///< length of the windows whose counts the next reading holds too
  SteadyClock::duration in_windows_{};
  SteadyClock::duration observed_{};
  std::unordered_map<MapKey, KeyState> keys_;
};

}  // namespace sonde::exporter
