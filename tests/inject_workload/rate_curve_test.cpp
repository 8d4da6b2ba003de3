#include "inject/workload/rate_curve.h"

#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateCurve, IsConstantWhereNothingIsSaid) {
  EXPECT_EQ(RateCurve().factor_at(milliseconds(0)), 1);
  EXPECT_EQ(RateCurve().factor_at(seconds(1000)), 1);
}

TEST(RateCurve, StepsFollowEachOtherAndBeginAgain) {
  const auto curve = RateCurve::parse_steps("30s*1,10s*2.5,1m*.5");
  ASSERT_TRUE(curve) << curve.error().message;
  EXPECT_EQ(curve->factor_at(milliseconds(29'999)), 1);
  EXPECT_EQ(curve->factor_at(seconds(30)), 2.5);
  EXPECT_EQ(curve->factor_at(seconds(40)), 0.5);
  EXPECT_EQ(curve->factor_at(seconds(99)), 0.5);
  EXPECT_EQ(curve->factor_at(seconds(100)), 1);
  EXPECT_EQ(curve->factor_at(seconds(135)), 2.5);
}

TEST(RateCurve, RefusesStepsThatAreNone) {
  for (const char* text :
       {"", "30s", "30s*", "*2", "0s*1", "30s*0", "30s*-1", "30s*1,", "30s*1001", "30s*nan"}) {
    EXPECT_FALSE(RateCurve::parse_steps(text)) << text;
  }
}

TEST(RateCurve, ADayIsASine) {
  const RateCurve curve = RateCurve::daily(seconds(40), 0.5);
  EXPECT_NEAR(curve.factor_at(seconds(0)), 1, 1e-12);
  EXPECT_NEAR(curve.factor_at(seconds(10)), 1.5, 1e-12);
  EXPECT_NEAR(curve.factor_at(seconds(20)), 1, 1e-12);
  EXPECT_NEAR(curve.factor_at(seconds(30)), 0.5, 1e-12);
  EXPECT_NEAR(curve.factor_at(seconds(50)), 1.5, 1e-12);
}

}  // namespace
}  // namespace sonde::inject
