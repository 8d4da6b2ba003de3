// The XOR chunk decoder, held against a slow and simple one. The bytes lie at the end of an allocation, so
// that any read past them shows.

#include "analyzer/source/xor_chunk.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "tests/support/slow_xor_decoder.h"

using namespace sonde::analyzer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto copy = std::make_unique<uint8_t[]>(size);
  std::copy_n(data, size, copy.get());
  const std::span<const uint8_t> chunk(copy.get(), size);
  std::vector<Sample> samples(xor_sample_count(chunk));
  const bool whole = decode_xor_chunk(chunk, samples);
  if (samples.size() > 8 * size) return 0;  // too few bits for so many samples: the slow one would take long
  const auto expected = sonde::test::SlowXorDecoder(chunk).decode();
  if (whole != expected.has_value()) std::abort();
  for (size_t i = 0; whole && i < samples.size(); ++i) {
    const Sample& other = (*expected)[i];
    if (samples[i].timestamp_ms != other.timestamp_ms) std::abort();
    if (std::bit_cast<uint64_t>(samples[i].value) != std::bit_cast<uint64_t>(other.value)) std::abort();
  }
  return 0;
}
