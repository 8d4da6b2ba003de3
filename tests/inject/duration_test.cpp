#include "inject/duration.h"

#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;

TEST(Duration, ReadsWhatPrometheusWrites) {
  EXPECT_EQ(parse_duration("500ms").value(), milliseconds(500));
  EXPECT_EQ(parse_duration("30s").value(), milliseconds(30'000));
  EXPECT_EQ(parse_duration("1m30s").value(), milliseconds(90'000));
  EXPECT_EQ(parse_duration("2h1m1s1ms").value(), milliseconds(7'261'001));
  EXPECT_EQ(parse_duration("0s").value(), milliseconds(0));
  EXPECT_EQ(parse_duration("24h").value(), milliseconds(86'400'000));
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "s", "-5s", "+5s", "5s1m", "5s5s", "1.5s", "5 s", "5sec", "25h", "24h1ms",
                           "99999999999999999999s", "9223372036854775807h", "1d"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_NE(duration.error().message.find("write for example"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace sonde::inject
