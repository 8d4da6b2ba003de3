#include "analyzer/source/xor_chunk.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace sonde::analyzer {
namespace {

constexpr size_t kHeaderBytes = 2;
/// The widest sample: 4 + 64 bits of time, 2 + 5 + 6 + 64 bits of value, that is 18.1 bytes, of which the
/// last load reads 9 bytes from any bit. Behind this many bytes no bound needs a check before the sample is
/// read.
constexpr size_t kSafeBytes = 32;

/// Reads bits from the highest down, without bounds: its user keeps kSafeBytes before the end.
struct BitCursor {
  const uint8_t* base = nullptr;
  uint64_t bit = 0;

  /// The next 64 bits.
  [[nodiscard]] uint64_t peek() const {
    const uint8_t* at = base + (bit >> 3);
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
    const unsigned shift = bit & 7;
    return (word << shift) | (static_cast<uint64_t>(at[8]) >> (8 - shift));
  }
};

/// Varints as Go's encoding/binary has them; the first two samples of a chunk use them, byte-aligned.
struct ByteCursor {
  std::span<const uint8_t> bytes;

  bool uvarint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
      const uint8_t byte = bytes.front();
      bytes = bytes.subspan(1);
      if (shift == 63 && byte > 1) return false;
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool varint(int64_t& value) {
    uint64_t zigzag = 0;
    if (!uvarint(zigzag)) return false;
    value = static_cast<int64_t>((zigzag >> 1) ^ (0 - (zigzag & 1)));
    return true;
  }

  bool word(uint64_t& value) {
    if (bytes.size() < sizeof(value)) return false;
    std::memcpy(&value, bytes.data(), sizeof(value));
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
    bytes = bytes.subspan(sizeof(value));
    return true;
  }
};

/// What one sample is told relative to.
struct State {
  uint64_t timestamp = 0;  // unsigned: a hostile chunk may overflow it
  uint64_t delta = 0;
  uint64_t value = 0;
  unsigned leading = 0;
  unsigned significant = 64;
};

/// Reads the delta of the deltas of time: 0 | 10+14 bits | 110+17 | 1110+20 | 1111+64.
inline void read_timestamp(BitCursor& bits, State& state) {
  const uint64_t word = bits.peek();
  if ((word >> 63) == 0) {
    ++bits.bit;
  } else {
    const unsigned ones = static_cast<unsigned>(std::countl_one(word));
    if (ones < 4) {
      const unsigned width = 11 + 3 * ones;
      uint64_t change = (word << (ones + 1)) >> (64 - width);
      // The upper half is negative, but its lowest value, 1 << (width - 1), is positive: as the encoder has
      // it.
      if (change > (uint64_t{1} << (width - 1))) change -= uint64_t{1} << width;
      state.delta += change;
      bits.bit += ones + 1 + width;
    } else {
      bits.bit += 4;
      state.delta += bits.peek();
      bits.bit += 64;
    }
  }
  state.timestamp += state.delta;
}

/// Reads the XOR with the last value: 0 same | 10 within the last window | 11 + 5 bits leading zeros + 6 bits
/// width (0 means 64). False where the window is wider than a value.
inline bool read_value(BitCursor& bits, State& state) {
  const uint64_t word = bits.peek();
  if ((word >> 63) == 0) {
    ++bits.bit;
    return true;
  }
  if ((word >> 62) == 2) {
    bits.bit += 2;
  } else {
    state.leading = (word >> 57) & 0x1F;
    state.significant = (word >> 51) & 0x3F;
    if (state.significant == 0) state.significant = 64;
    bits.bit += 13;
    if (state.leading + state.significant > 64) return false;
  }
  const uint64_t changed = bits.peek() >> (64 - state.significant);
  state.value ^= changed << (64 - state.leading - state.significant);
  bits.bit += state.significant;
  return true;
}

inline Sample to_sample(const State& state) {
  return {static_cast<int64_t>(state.timestamp), std::bit_cast<double>(state.value)};
}

/// The first sample whole, of the second the time. False at the end of the bytes.
bool read_beginning(ByteCursor& bytes, State& state, std::span<Sample> out) {
  int64_t timestamp = 0;
  if (!bytes.varint(timestamp) || !bytes.word(state.value)) return false;
  state.timestamp = static_cast<uint64_t>(timestamp);
  out[0] = to_sample(state);
  if (out.size() == 1) return true;
  if (!bytes.uvarint(state.delta)) return false;
  state.timestamp += state.delta;
  return true;
}

}  // namespace

size_t xor_sample_count(std::span<const uint8_t> chunk) {
  return chunk.size() < kHeaderBytes ? 0 : static_cast<size_t>(chunk[0]) << 8 | chunk[1];
}

bool decode_xor_chunk(std::span<const uint8_t> chunk, std::span<Sample> out) {
  assert(out.size() == xor_sample_count(chunk));
  if (chunk.size() < kHeaderBytes) return false;
  if (out.empty()) return true;
  State state;
  ByteCursor start{chunk.subspan(kHeaderBytes)};
  if (!read_beginning(start, state, out)) return false;
  if (out.size() == 1) return true;

  // All but the last bytes in place, the rest from a padded copy, so that no single read needs a check.
  BitCursor bits{start.bytes.data(), 0};
  size_t size = start.bytes.size();
  uint8_t tail[2 * kSafeBytes] = {};
  bool in_tail = false;
  for (size_t i = 1; i < out.size(); ++i) {
    if (!in_tail && size < kSafeBytes + (bits.bit >> 3)) {
      const size_t done = bits.bit >> 3;
      size -= done;
      std::memcpy(tail, bits.base + done, size);
      bits = {tail, bits.bit & 7};
      in_tail = true;
    }
    if (i > 1) read_timestamp(bits, state);
    if (!read_value(bits, state)) return false;
    if (in_tail && bits.bit > 8 * size) return false;
    out[i] = to_sample(state);
  }
  return true;
}

}  // namespace sonde::analyzer
