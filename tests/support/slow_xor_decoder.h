#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "analyzer/series/sample.h"

namespace sonde::test {

/// Decodes an XOR chunk one bit at a time, with a bound on every bit: what the fast decoder is held against.
/// nullopt where the chunk ends early or has a window wider than a value.
/// Source: Prometheus, tsdb/chunkenc/xor.go, function by function.
class SlowXorDecoder {
 public:
  explicit SlowXorDecoder(std::span<const uint8_t> chunk) : chunk_(chunk) {}

  std::optional<std::vector<analyzer::Sample>> decode() {
    std::vector<analyzer::Sample> samples(bits(16));
    uint64_t timestamp = 0;
    uint64_t delta = 0;
    uint64_t value = 0;
    for (size_t i = 0; i < samples.size() && !ended_; ++i) {
      if (i == 0) {
        const uint64_t zigzag = uvarint();
        timestamp = (zigzag >> 1) ^ (0 - (zigzag & 1));
        value = bits(64);
      } else {
        delta = i == 1 ? uvarint() : delta + delta_of_delta();
        timestamp += delta;
        value ^= changed_bits();
      }
      samples[i] = {static_cast<int64_t>(timestamp), std::bit_cast<double>(value)};
    }
    if (ended_ || chunk_.size() < 2) return std::nullopt;
    return samples;
  }

 private:
  uint64_t bits(unsigned count) {
    uint64_t out = 0;
    for (unsigned i = 0; i < count; ++i, ++bit_) {
      if (bit_ / 8 >= chunk_.size()) ended_ = true;
      const unsigned bit = ended_ ? 0 : (chunk_[bit_ / 8] >> (7 - bit_ % 8)) & 1U;
      out = out << 1 | bit;
    }
    return out;
  }

  uint64_t uvarint() {
    uint64_t out = 0;
    for (unsigned byte_number = 0; byte_number < 10; ++byte_number) {
      const uint64_t byte = bits(8);
      if (byte_number == 9 && byte > 1) break;  // beyond 64 bits
      out |= (byte & 0x7F) << (7 * byte_number);
      if (byte < 0x80) return out;
    }
    ended_ = true;
    return 0;
  }

  uint64_t delta_of_delta() {
    if (bits(1) == 0) return 0;
    unsigned width = 64;
    if (bits(1) == 0) {
      width = 14;
    } else if (bits(1) == 0) {
      width = 17;
    } else if (bits(1) == 0) {
      width = 20;
    }
    const uint64_t raw = bits(width);
    const bool negative = width < 64 && raw > (uint64_t{1} << (width - 1));
    return negative ? raw - (uint64_t{1} << width) : raw;
  }

  uint64_t changed_bits() {
    if (bits(1) == 0) return 0;
    if (bits(1) == 1) {
      leading_ = static_cast<unsigned>(bits(5));
      significant_ = static_cast<unsigned>(bits(6));
      if (significant_ == 0) significant_ = 64;
    }
    if (leading_ + significant_ > 64) {
      ended_ = true;
      return 0;
    }
    return bits(significant_) << (64 - leading_ - significant_);
  }

  std::span<const uint8_t> chunk_;
  uint64_t bit_ = 0;
  bool ended_ = false;
  unsigned leading_ = 0;
  unsigned significant_ = 64;
};

}  // namespace sonde::test
