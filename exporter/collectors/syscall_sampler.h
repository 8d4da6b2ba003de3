#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "exporter/bpf_map.h"
#include "exporter/bpf_program.h"
#include "exporter/scaled_counts.h"

namespace sonde::exporter {

/// Attaches programs in windows for a share of the time and scales what they count.
///
/// From one window to the next it is a period on average, at random half as much to one and a half times as
/// much; ScaledCounts makes estimates of what they counted. What a window misses or hits by chance is the
/// error: docs/benchmarks.md. Between windows only the programs that the object holds are attached. Threads:
/// read(), take() and share() are safe beside the sampling thread.
class SyscallSampler final : public CountSource {
 public:
  /// `object` is loaded and not attached; `counts` is its map. 0 < ratio <= 1.
  SyscallSampler(BpfObject& object, SlotCounts& counts, double ratio, SteadyClock::duration period);
  ~SyscallSampler() override;
  SyscallSampler(const SyscallSampler&) = delete;
  SyscallSampler& operator=(const SyscallSampler&) = delete;

  [[nodiscard]] size_t width() const override { return counts_.width(); }
  [[nodiscard]] uint32_t capacity() const override { return counts_.capacity(); }
  [[nodiscard]] SteadyClock::duration period() const override { return period_; }
  Result<void> read(MapReading& reading) override;
  std::vector<Taken> take(std::span<const MapKey> keys) override;

  /// Share of the time that lay in windows, since the first; `ratio` before it.
  [[nodiscard]] double share() const;

 private:
  Result<void> read_baseline();
  void run(const std::stop_token& stop);
  Result<void> sample(const std::stop_token& stop);
  bool sleep_until(const std::stop_token& stop, SteadyTime time);

  BpfObject& object_;
  SlotCounts& counts_;
  double ratio_;
  SteadyClock::duration period_;
  MapReading reading_;  ///< of the sampling thread alone

  mutable std::mutex mutex_;  ///< guards what follows, and counts_
  std::condition_variable_any wake_;
  ScaledCounts scaled_;
  Result<void> last_window_;

  std::jthread thread_;
};

}  // namespace sonde::exporter
