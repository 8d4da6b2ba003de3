#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>

#include "analyzer/source/memory_meter.h"

namespace sonde::analyzer {

/// Bytes in blocks of equal size: grows without ever copying or doubling, and frees its beginning early.
///
/// Threads: one.
class BlockBuffer {
 public:
  static constexpr size_t kBlockBytes = 64 * 1024;

  /// The meter must outlive it.
  explicit BlockBuffer(MemoryMeter& meter) : meter_(meter) {}
  ~BlockBuffer() { meter_.release(blocks_.size() * kBlockBytes); }
  BlockBuffer(const BlockBuffer&) = delete;
  BlockBuffer& operator=(const BlockBuffer&) = delete;

  /// Appends; false where the meter has no room for another block.
  [[nodiscard]] bool append(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      if (end_ == blocks_.size() * kBlockBytes) {
        if (!meter_.take(kBlockBytes)) return false;
        blocks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kBlockBytes));
      }
      const size_t used = end_ - (blocks_.size() - 1) * kBlockBytes;
      const size_t part = std::min(bytes.size(), kBlockBytes - used);
      std::memcpy(blocks_.back().get() + used, bytes.data(), part);
      end_ += part;
      bytes = bytes.subspan(part);
    }
    return true;
  }

  [[nodiscard]] size_t size() const { return end_ - begin_; }

  /// What lies together at the beginning; empty only where all is empty.
  [[nodiscard]] std::span<const uint8_t> front() const {
    if (size() == 0) return {};
    return {blocks_.front().get() + begin_, std::min(end_, kBlockBytes) - begin_};
  }

  /// Drops bytes from the beginning. REQUIRES: count <= size().
  void skip(size_t count) {
    begin_ += count;
    while (begin_ >= kBlockBytes) {
      blocks_.pop_front();
      meter_.release(kBlockBytes);
      begin_ -= kBlockBytes;
      end_ -= kBlockBytes;
    }
  }

 private:
  MemoryMeter& meter_;
  std::deque<std::unique_ptr<uint8_t[]>> blocks_;
  size_t begin_ = 0;  // within the first block
  size_t end_ = 0;    // counted from the beginning of the first block
};

}  // namespace sonde::analyzer
