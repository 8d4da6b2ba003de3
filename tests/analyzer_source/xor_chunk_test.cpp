#include "analyzer/source/xor_chunk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "tests/support/slow_xor_decoder.h"

namespace sonde::analyzer {
namespace {

using Bytes = std::vector<uint8_t>;

/// Chunks as Prometheus made them, the fuzzer's seeds.
std::vector<Bytes> prometheus_chunks() {
  std::vector<Bytes> chunks;
  for (const auto& entry :
       std::filesystem::directory_iterator(SONDE_SOURCE_DIR "/tests/fuzz/corpus/xor_chunk")) {
    if (!entry.path().filename().string().starts_with("prometheus_")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    chunks.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return chunks;
}

std::optional<std::vector<Sample>> decode(const Bytes& chunk) {
  std::vector<Sample> samples(xor_sample_count(chunk));
  if (!decode_xor_chunk(chunk, samples)) return std::nullopt;
  return samples;
}

TEST(XorChunk, DecodesWhatTheFormatSaysByHand) {
  // 2 samples; varint 1000 ms; 1.0; uvarint 1000 ms; 11 00001 001011 and eleven ones: XOR to 2.0.
  const Bytes chunk = {0x00, 0x02, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07, 0xc2, 0x5f, 0xff};
  const auto samples = decode(chunk);
  ASSERT_TRUE(samples.has_value());
  EXPECT_EQ((*samples)[0].timestamp_ms, 1000);
  EXPECT_EQ((*samples)[0].value, 1.0);
  EXPECT_EQ((*samples)[1].timestamp_ms, 2000);
  EXPECT_EQ((*samples)[1].value, 2.0);
}

TEST(XorChunk, AgreesWithTheSlowDecoderOnChunksOfPrometheus) {
  const std::vector<Bytes> chunks = prometheus_chunks();
  ASSERT_GE(chunks.size(), 20U);
  for (const Bytes& chunk : chunks) {
    const auto fast = decode(chunk);
    const auto slow = test::SlowXorDecoder(chunk).decode();
    ASSERT_TRUE(fast.has_value());
    ASSERT_TRUE(slow.has_value());
    ASSERT_EQ(fast->size(), slow->size());
    for (size_t i = 0; i < fast->size(); ++i) {
      EXPECT_EQ((*fast)[i].timestamp_ms, (*slow)[i].timestamp_ms);
      EXPECT_EQ(std::bit_cast<uint64_t>((*fast)[i].value), std::bit_cast<uint64_t>((*slow)[i].value));
    }
  }
}

TEST(XorChunk, AChunkCutAnywhereIsRefused) {
  for (const Bytes& chunk : prometheus_chunks()) {
    for (size_t length = 2; length < chunk.size(); ++length) {
      EXPECT_FALSE(decode(Bytes(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(length))).has_value());
    }
  }
}

TEST(XorChunk, BytesBehindTheLastSampleDoNotMatter) {
  for (Bytes chunk : prometheus_chunks()) {
    const auto before = decode(chunk);
    chunk.insert(chunk.end(), 50, 0xff);
    const auto after = decode(chunk);
    ASSERT_TRUE(after.has_value());
    EXPECT_TRUE(std::ranges::equal(*before, *after, {}, &Sample::timestamp_ms, &Sample::timestamp_ms));
  }
}

TEST(XorChunk, AWindowWiderThanAValueIsRefused) {
  // As by hand above, but 31 leading zeros and 63 significant bits.
  const Bytes chunk = {0x00, 0x02, 0xd0, 0x0f, 0x3f, 0xf0, 0,    0,    0,    0,    0,    0,
                       0xe8, 0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  EXPECT_FALSE(decode(chunk).has_value());
}

TEST(XorChunk, TooShortForACountIsRefusedAndACountOfNoneIsNothing) {
  EXPECT_FALSE(decode({}).has_value());
  EXPECT_FALSE(decode({0}).has_value());
  EXPECT_EQ(decode({0, 0})->size(), 0U);
}

}  // namespace
}  // namespace sonde::analyzer
