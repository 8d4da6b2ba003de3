#pragma once

#include <cstdint>

namespace sonde::analyzer {

/// Counts what one read holds, before it is allocated.
///
/// Threads: one.
class MemoryMeter {
 public:
  explicit MemoryMeter(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Books the bytes; false, and nothing booked, where that would exceed the limit.
  [[nodiscard]] bool take(uint64_t bytes) {
    if (bytes > limit_bytes_ - used_bytes_) return false;
    used_bytes_ += bytes;
    return true;
  }
  /// Gives back what was taken.
  void release(uint64_t bytes) { used_bytes_ -= bytes; }

  [[nodiscard]] uint64_t limit_bytes() const { return limit_bytes_; }
  [[nodiscard]] uint64_t used_bytes() const { return used_bytes_; }

 private:
  uint64_t limit_bytes_;
  uint64_t used_bytes_ = 0;
};

}  // namespace sonde::analyzer
