#include "analyzer/query/time_argument.h"

#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;  // 2023-11-14T22:13:20Z

TEST(TimeArgument, UnixSecondsMayHaveAFraction) {
  EXPECT_EQ(parse_time_ms("1700000000", kNow).value(), kNow);
  EXPECT_EQ(parse_time_ms("1700000000.25", kNow).value(), kNow + 250);
  EXPECT_EQ(parse_time_ms("1700000000.9999", kNow).value(), kNow + 999);
  EXPECT_EQ(parse_time_ms("0", kNow).value(), 0);
  EXPECT_EQ(parse_time_ms("-1.5", kNow).value(), -1'500);
}

TEST(TimeArgument, Rfc3339WithAnyOffset) {
  EXPECT_EQ(parse_time_ms("2023-11-14T22:13:20Z", kNow).value(), kNow);
  EXPECT_EQ(parse_time_ms("2023-11-14T23:13:20.5+01:00", kNow).value(), kNow + 500);
  EXPECT_EQ(parse_time_ms("2023-11-14 16:43:20-05:30", kNow).value(), kNow);
  EXPECT_EQ(parse_time_ms("2024-02-29T00:00:00Z", kNow).value(), 1'709'164'800'000);
}

TEST(TimeArgument, RelativeToNow) {
  EXPECT_EQ(parse_time_ms("now", kNow).value(), kNow);
  EXPECT_EQ(parse_time_ms("-1h", kNow).value(), kNow - 3'600'000);
  EXPECT_EQ(parse_time_ms("-1h30m", kNow).value(), kNow - 5'400'000);
  EXPECT_EQ(parse_time_ms("+30s", kNow).value(), kNow + 30'000);
}

TEST(TimeArgument, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "yesterday", "-", "1h", "2023-11-14", "2023-13-01T00:00:00Z", "2023-02-29T00:00:00Z",
        "2023-11-14T24:00:00Z", "2023-11-14T22:13:20", "2023-11-14T22:13:20Zx", "1.", ".5", "1e9",
        "99999999999999999999", "-1h1h", "nan"}) {
    EXPECT_FALSE(parse_time_ms(text, kNow).has_value()) << text;
  }
}

TEST(DurationArgument, HasPrometheusUnits) {
  EXPECT_EQ(parse_duration_ms("15s").value(), 15'000);
  EXPECT_EQ(parse_duration_ms("1h30m").value(), 5'400'000);
  EXPECT_EQ(parse_duration_ms("500ms").value(), 500);
  EXPECT_EQ(parse_duration_ms("1y1w1d").value(), (365LL + 7 + 1) * 86'400'000);
  EXPECT_EQ(parse_duration_ms("0.5").value(), 500);
}

TEST(DurationArgument, WhatIsNoneIsRefused) {
  for (const char* text : {"", "s", "-5s", "-5", "5x", "5s1m", "1m1m", "99999999999999y", "1.5h"}) {
    EXPECT_FALSE(parse_duration_ms(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace sonde::analyzer
