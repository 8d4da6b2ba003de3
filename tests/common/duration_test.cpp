#include "common/duration.h"

#include <gtest/gtest.h>

namespace sonde {
namespace {

using std::chrono::milliseconds;

TEST(Duration, ReadsWhatPrometheusWrites) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("1m30s"), milliseconds(90'000));
  EXPECT_EQ(parse_duration("2h1m1s1ms"), milliseconds(7'261'001));
  EXPECT_EQ(parse_duration("1y1w1d"), milliseconds((365LL + 7 + 1) * 86'400'000));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "s", "-5s", "+5s", "-0s", "5s1m", "5s5s", "1.5s", "5 s", "5sec", "4000y",
                           "99999999999999999999s", "9223372036854775807h"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsWrittenShort) {
  EXPECT_EQ(duration_text(milliseconds(0)), "0s");
  EXPECT_EQ(duration_text(milliseconds(1500)), "1500ms");
  EXPECT_EQ(duration_text(milliseconds(90'000)), "90s");
  EXPECT_EQ(duration_text(milliseconds(120'000)), "2m");
  EXPECT_EQ(duration_text(milliseconds(7'200'000)), "2h");
}

}  // namespace
}  // namespace sonde
