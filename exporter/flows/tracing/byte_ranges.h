#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/packet_trace.h"

namespace sonde::exporter {

/// Turns TCP's 32-bit numbers into offsets that never wrap, as long as two that follow each other are less
/// than 2 GiB apart. Threads: one.
class Sequence {
 public:
  /// The offset of a number; the first is 0.
  int64_t offset(uint32_t number);

 private:
  bool started_ = false;
  uint32_t number_ = 0;
  int64_t offset_ = 0;
};

/// Bytes that were somewhere at a time: begin < byte <= end, counted from Sequence's start.
struct ByteRange {
  int64_t begin = 0;
  int64_t end = 0;
  const trace_event* event = nullptr;
};

/// What was seen at one layer, in the order of time.
class ByteRanges {
 public:
  /// Adds one that is not older than those before.
  void add(const ByteRange& range);

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::span<const ByteRange> all() const { return ranges_; }
  /// The first that holds the byte before offset `end`; null if none does.
  [[nodiscard]] const ByteRange* first(int64_t end) const;
  /// The first that ends there or behind it; null if none does.
  [[nodiscard]] const ByteRange* reached(int64_t end) const;

 private:
  std::vector<ByteRange> ranges_;
  std::vector<int64_t> furthest_;  ///< the largest end up to each, for searching
};

}  // namespace sonde::exporter
