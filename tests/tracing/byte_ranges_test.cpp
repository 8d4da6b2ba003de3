#include "exporter/flows/tracing/byte_ranges.h"

#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

trace_event at(uint64_t time) {
  trace_event event{};
  event.time_ns = time;
  return event;
}

TEST(Sequence, OffsetsGoOnWhereTheNumbersWrap) {
  Sequence sequence;
  EXPECT_EQ(sequence.offset(0xfffffff0U), 0);
  EXPECT_EQ(sequence.offset(0x10U), 0x20);
  EXPECT_EQ(sequence.offset(0xfffffff8U), 8) << "an older packet after a newer one";
  int64_t expected = 8;
  for (uint32_t i = 1; i <= 10; ++i) {
    expected += 0x40000000;
    EXPECT_EQ(sequence.offset(0xfffffff8U + i * 0x40000000U), expected) << "more than twice around";
  }
}

TEST(ByteRanges, TheFirstPacketThatHoldsAByteIsFoundBehindAHole) {
  const trace_event early = at(1), late = at(2), again = at(3);
  ByteRanges ranges;
  ranges.add({0, 100, &early});
  ranges.add({200, 300, &late});
  ranges.add({100, 200, &again});
  EXPECT_EQ(ranges.first(100)->event, &early);
  EXPECT_EQ(ranges.first(300)->event, &late);
  EXPECT_EQ(ranges.first(200)->event, &again) << "lost at first";
  EXPECT_EQ(ranges.first(301), nullptr);
  EXPECT_EQ(ranges.reached(200)->event, &late);
}

TEST(ByteRanges, AByteThatWasNeverSeenIsNot) {
  const trace_event event = at(1);
  ByteRanges ranges;
  ranges.add({100, 200, &event});
  EXPECT_EQ(ranges.first(100), nullptr);
  EXPECT_EQ(ranges.first(101)->event, &event);
  EXPECT_EQ(ByteRanges().first(1), nullptr);
}

}  // namespace
}  // namespace sonde::exporter
