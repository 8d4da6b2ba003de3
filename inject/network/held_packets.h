#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "common/result.h"
#include "inject/network/keeper.h"

namespace sonde::inject {

/// How the packets are held that a container receives, and what became of them: in memory that the injector
/// and the process that holds them share.
class HeldPackets {
 public:
  /// Errors: kUnavailable without memory. REQUIRES: made before the process is forked.
  static Result<HeldPackets> make();
  HeldPackets(HeldPackets&& other) noexcept;
  HeldPackets& operator=(HeldPackets&& other) noexcept;
  ~HeldPackets();

  /// From now on each packet is held for `delay`, plus or minus up to `jitter` (uniform), or with that
  /// deviation (normal); never less than nothing.
  void set(std::chrono::nanoseconds delay, std::chrono::nanoseconds jitter, bool normal);

  /// How many were held so far, and their delays together.
  struct Sum {
    uint64_t packets = 0;
    std::chrono::nanoseconds delay{0};
  };
  [[nodiscard]] Sum sum() const;

  /// The work of the process that holds them: it takes a queue of the container's network namespace, sends
  /// there what the interface receives, and lets all go on when it ends.
  [[nodiscard]] Keeper::Work work(uint32_t interface) const;

 private:
  struct Shared {
    std::atomic<int64_t> delay_ns{0};
    std::atomic<int64_t> jitter_ns{0};
    std::atomic<bool> normal{false};
    std::atomic<uint64_t> packets{0};
    std::atomic<int64_t> held_ns{0};
  };
  static_assert(std::atomic<int64_t>::is_always_lock_free);
  explicit HeldPackets(Shared* shared) : shared_(shared) {}
  static int64_t draw(const Shared& shared);

  Shared* shared_;
};

}  // namespace sonde::inject
