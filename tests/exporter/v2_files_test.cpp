#include "exporter/v2_files.h"

#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

TEST(PressureFile, TellsTheTotalsOfBothLines) {
  const auto pressure = parse_pressure(
      "some avg10=0.12 avg60=0.00 avg300=0.00 total=1234567\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
      "total=89\n");
  ASSERT_TRUE(pressure);
  EXPECT_EQ(pressure->some_us, 1234567U);
  EXPECT_EQ(pressure->full_us, 89U);
}

TEST(PressureFile, OfACpuMayHaveOneLine) {
  const auto pressure = parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
  ASSERT_TRUE(pressure);
  EXPECT_EQ(pressure->full_us, 0U);
}

TEST(PressureFile, OfAnythingElseIsNone) {
  for (const char* const text :
       {"", "\n", "some", "some total=", "some total=-1", "some avg10=1\n", "other total=1\n",
        "full total=1\n", "some total=1\nsome total\n", "some total=99999999999999999999\n"}) {
    EXPECT_FALSE(parse_pressure(text)) << text;
  }
}

TEST(IoStatFile, IsTheSumOverTheDevices) {
  const auto stat = parse_io_stat(
      "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=3 dios=4\n7:0 rbytes=1 wbytes=1 rios=1 wios=1 "
      "cost.usage=9\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->read_bytes, 4097U);
  EXPECT_EQ(stat->written_bytes, 8193U);
  EXPECT_EQ(stat->discarded_bytes, 3U);
  EXPECT_EQ(stat->reads, 2U);
  EXPECT_EQ(stat->writes, 3U);
  EXPECT_EQ(stat->discards, 4U);
}

TEST(IoStatFile, IsEmptyWhereNothingWasDoneAndADeviceMayHaveNoCounts) {
  EXPECT_TRUE(parse_io_stat(""));
  EXPECT_TRUE(parse_io_stat("254:0 \n"));
  for (const char* const text : {"x\n", "254:0 rbytes=x\n", "254:0 rbytes=-1\n"})
    EXPECT_FALSE(parse_io_stat(text)) << text;
}

}  // namespace
}  // namespace sonde::exporter
