// The pieces that replies are read with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/source/block_buffer.h"
#include "analyzer/source/frame_parser.h"
#include "analyzer/source/query_range_reply.h"
#include "analyzer/source/reply_text.h"
#include "analyzer/source/tidy_samples.h"
#include "analyzer/source/utf8.h"
#include "analyzer/source/wire_reader.h"
#include "tests/analyzer_source/reply_maker.h"

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(FrameParser, GivesTheSameFramesHoweverTheBytesAreCut) {
  const std::string stream = test::frame("one") + test::frame("") + test::frame(std::string(300, 'x'));
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    MemoryMeter meter(1 << 20);
    std::vector<std::string> frames;
    FrameParser parser(meter, [&](const FrameBytes& frame) -> Outcome<void> {
      frames.emplace_back(reinterpret_cast<const char*>(frame.data.get()), frame.size);
      return {};
    });
    for (size_t at = 0; at < stream.size(); at += piece) {
      ASSERT_TRUE(parser.take(bytes_of(std::string_view(stream).substr(at, piece))).has_value());
    }
    EXPECT_TRUE(parser.finish().has_value());
    EXPECT_THAT(frames, ElementsAre("one", "", std::string(300, 'x')));
  }
}

TEST(FrameParser, AllocatesNothingBeyondTheMeter) {
  MemoryMeter meter(1000);
  FrameParser parser(meter, [](const FrameBytes&) -> Outcome<void> { return {}; });
  const auto taken =
      parser.take(bytes_of("\xe9\x07"
                           "abcd"));  // 1001 bytes
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().kind, FaultKind::kTooLarge);
  EXPECT_EQ(meter.used_bytes(), 0U);
}

TEST(TidySamples, AscendingSamplesAreOnlyClipped) {
  std::vector<Sample> samples = {{1, 1}, {2, 2}, {3, 3}, {4, 4}};
  TidyCounts counts;
  const auto kept = tidy_samples(samples, 2, 3, counts);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].timestamp_ms, 2);
  EXPECT_EQ(kept[1].timestamp_ms, 3);
  EXPECT_EQ(counts.clipped, 2U);
  EXPECT_EQ(counts.duplicates, 0U);
}

TEST(TidySamples, OverlapsAreSortedAndTheLastOfATimeCounts) {
  std::vector<Sample> samples = {{1, 10}, {2, 20}, {3, 30}, {2, 21}, {3, 31}, {4, 40}, {2, 22}};
  TidyCounts counts;
  const auto kept = tidy_samples(samples, 0, 9, counts);
  std::vector<double> values;
  for (const Sample& sample : kept) values.push_back(sample.value);
  EXPECT_THAT(values, ElementsAre(10, 22, 31, 40));
  EXPECT_EQ(counts.duplicates, 3U);
}

TEST(TidySamples, NothingRemainsOfSamplesOutsideTheRange) {
  std::vector<Sample> samples = {{1, 1}, {9, 9}};
  TidyCounts counts;
  EXPECT_TRUE(tidy_samples(samples, 2, 8, counts).empty());
  EXPECT_EQ(counts.clipped, 2U);
  EXPECT_TRUE(tidy_samples({}, 2, 8, counts).empty());
}

TEST(BlockBuffer, GivesBackInOrderWhatWasPutInAndFreesItOnTheWay) {
  MemoryMeter meter(10 * BlockBuffer::kBlockBytes);
  BlockBuffer buffer(meter);
  std::string written;
  for (int i = 0; written.size() < 5 * BlockBuffer::kBlockBytes / 2; ++i) {
    const std::string piece = std::to_string(i) + ',';
    written += piece;
    ASSERT_TRUE(buffer.append(bytes_of(piece)));
  }
  EXPECT_EQ(buffer.size(), written.size());
  EXPECT_EQ(meter.used_bytes(), 3 * BlockBuffer::kBlockBytes);
  std::string read;
  while (buffer.size() > 0) {
    const auto front = buffer.front();
    ASSERT_FALSE(front.empty());
    read.append(reinterpret_cast<const char*>(front.data()), front.size());
    buffer.skip(front.size());
  }
  EXPECT_EQ(read, written);
  EXPECT_LE(meter.used_bytes(), BlockBuffer::kBlockBytes);
}

TEST(BlockBuffer, StopsAtTheMetersLimit) {
  MemoryMeter meter(2 * BlockBuffer::kBlockBytes);
  BlockBuffer buffer(meter);
  EXPECT_TRUE(buffer.append(bytes_of(std::string(2 * BlockBuffer::kBlockBytes, 'x'))));
  EXPECT_FALSE(buffer.append(bytes_of("y")));
}

TEST(Utf8, AcceptsWhatRfc3629Allows) {
  for (const char* text : {"", "plain ascii, long enough", "h\xc3\xa9llo", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                           "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndCutSequences) {
  for (const char* text :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "eight ch\xc3"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(ReplyText, TellsMessagesFromBytes) {
  EXPECT_TRUE(looks_like_text("remote error: timed out\n"));
  EXPECT_FALSE(looks_like_text("short"));
  EXPECT_FALSE(looks_like_text(std::string_view("binary\0bytes", 12)));
  EXPECT_EQ(one_line("two\nlines\x01\n"), "two lines?");
  EXPECT_EQ(one_line("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(one_line(std::string(1000, 'x')).size(), 200U);
}

TEST(WireReader, ReadsEveryTypeAndSkipsNothing) {
  const std::string message("\x08\x96\x01\x11\0\0\0\0\0\0\xf0\x3f\x1a\x02hi\x25\x01\0\0\0", 21);
  WireReader reader(bytes_of(message));
  WireField field;
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 1U);
  EXPECT_EQ(field.value, 150U);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.as_double(), 1.0);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.text(), "hi");
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 4U);
  EXPECT_EQ(field.value, 1U);
  EXPECT_FALSE(reader.next(field));
  EXPECT_FALSE(reader.failed());
}

TEST(WireReader, MalformedBytesAreNotTheEnd) {
  for (const std::string_view message :
       {std::string_view("\x08", 1), std::string_view("\x00\x01", 2), std::string_view("\x1a\x05hi", 4),
        std::string_view("\x0b", 1), std::string_view("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11)}) {
    WireReader reader(bytes_of(message));
    WireField field;
    EXPECT_FALSE(reader.next(field));
    EXPECT_TRUE(reader.failed());
  }
}

TEST(QueryRangeRequest, SplitsAtElevenThousandPointsAndRepeatsNone) {
  const Selector selector = parse_selector("up").value();
  EXPECT_EQ(make_query_range_requests(selector, 0, 10'999'000, 1000).size(), 1U);
  const auto two = make_query_range_requests(selector, -500, 10'999'500, 1000);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_THAT(two[0].body, ::testing::EndsWith("&start=-0.500&end=10998.500&step=1.000"));
  EXPECT_THAT(two[1].body, ::testing::EndsWith("&start=10999.500&end=10999.500&step=1.000"));
}

}  // namespace
}  // namespace sonde::analyzer
