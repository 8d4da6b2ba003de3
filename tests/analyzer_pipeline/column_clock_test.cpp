#include "analyzer/pipeline/column_clock.h"

#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

TEST(ColumnClock, OneTargetsSamplesFallIntoTheMiddleOfTheirColumns) {
  const ColumnClock clock(2000, {10'700});
  for (const int64_t jitter : {-900, -300, 0, 300, 900}) {
    EXPECT_EQ(clock.column_of(20'700 + jitter), clock.column_of(20'700)) << jitter;
  }
  EXPECT_EQ(clock.column_of(22'700), clock.column_of(20'700) + 1);
  EXPECT_EQ(clock.time_ms(clock.column_of(20'700)), 20'700);
}

TEST(ColumnClock, TheBorderLiesInTheLargestGapBetweenTargets) {
  // Targets at 100, 600 and 1,900 ms of each 2 s: the widest stretch is the one from 600 to 1,900.
  const ColumnClock clock(2000, {4100, 4600, 3900});
  const int64_t column = clock.column_of(4600);
  EXPECT_EQ(clock.column_of(4100), column);
  EXPECT_EQ(clock.column_of(3900), column);
  EXPECT_EQ(clock.column_of(5900), column + 1);
  EXPECT_EQ(clock.time_ms(column), 4600);  // the last one to be scraped
}

TEST(ColumnClock, EndAndColumnAgree) {
  const ColumnClock clock(15'000, {1'700'000'003'000});
  for (int64_t column = -3; column < 4; ++column) {
    EXPECT_EQ(clock.column_of(clock.end_ms(column)), column);
    EXPECT_EQ(clock.column_of(clock.end_ms(column) + 1), column + 1);
    EXPECT_LE(clock.time_ms(column), clock.end_ms(column));
  }
}

TEST(ColumnClock, NoticesSamplesAtTheBorder) {
  const ColumnClock clock(2000, {700});
  EXPECT_FALSE(clock.near_border(4700));
  EXPECT_TRUE(clock.near_border(clock.end_ms(7)));
  EXPECT_TRUE(clock.near_border(clock.end_ms(7) + 90));
}

}  // namespace
}  // namespace sonde::analyzer
