#include "analyzer/algorithms/change_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/analyzer_algorithms/expected.h"

namespace sonde::analyzer {
namespace {

constexpr ChangeRateOptions kNoDecay{.alpha = 0.5, .half_life_seconds = 1e15};

TEST(ChangeRate, FollowsTheFormulasOverTwoUpdates) {
  ChangeRate rate(kNoDecay, 0, 4);
  rate.update(100, 2, 0, 6);
  rate.update(110, 1, 3, 4);
  EXPECT_NEAR(rate.rate(110), expected::kChangeRate, 1e-12);
  EXPECT_NEAR(rate.normalised_rate(110), expected::kNormalisedChangeRate, 1e-12);
}

TEST(ChangeRate, AServiceThatNeverChangesScoresZero) {
  ChangeRate rate({}, 0, 3);
  rate.update(10, 0, 0, 3);
  EXPECT_EQ(rate.rate(1000), 0);
}

TEST(ChangeRate, HalvesInOneHalfLifeWithoutUpdates) {
  ChangeRate rate({.alpha = 1, .half_life_seconds = 60}, 0, 1);
  rate.update(10, 5, 0, 6);
  EXPECT_DOUBLE_EQ(rate.rate(10), 0.5);
  EXPECT_DOUBLE_EQ(rate.rate(70), 0.25);
  EXPECT_DOUBLE_EQ(rate.rate(130), 0.125);
}

TEST(ChangeRate, NormalisingDividesByTheLargerInstanceCount) {
  ChangeRate shrinking({.alpha = 1, .half_life_seconds = 1e15}, 0, 10);
  shrinking.update(10, 0, 10, 0);  // all gone: active now is 0, active before counts
  EXPECT_DOUBLE_EQ(shrinking.normalised_rate(10), 0.1);
}

TEST(ChangeRate, SameChangesInLessTimeScoreHigher) {
  ChangeRate slow({}, 0, 3);
  ChangeRate fast({}, 0, 3);
  slow.update(100, 1, 1, 3);
  fast.update(10, 1, 1, 3);
  EXPECT_GT(fast.rate(100), slow.rate(100));
}

TEST(ChangeRate, ThresholdIsThirdQuartilePlusOneAndAHalfRanges) {
  const std::vector<double> ones(50, 1.0);
  EXPECT_NEAR(change_rate_threshold(ones, 20).value(), expected::kExponentialOutlierFactor, 1e-9);
}

TEST(ChangeRate, FewServicesGiveNoThreshold) {
  EXPECT_FALSE(change_rate_threshold(std::vector<double>(19, 1.0), 20).has_value());
  EXPECT_FALSE(change_rate_threshold({}, 0).has_value());
}

// exp(-3.034) = 4.8 % of exponential scores lie above: the rule is loose by design, and this is its rate.
TEST(ChangeRate, FlagsAboutOneInTwentyOfExponentialScores) {
  std::mt19937 generator(9);
  std::exponential_distribution<double> exponential(3);
  std::vector<double> scores(20000);
  for (double& score : scores) score = exponential(generator);
  const double threshold = change_rate_threshold(scores, 20).value();
  const auto above = std::ranges::count_if(scores, [&](double score) { return score > threshold; });
  EXPECT_NEAR(static_cast<double>(above) / 20000, std::exp(-expected::kExponentialOutlierFactor), 0.005);
}

}  // namespace
}  // namespace sonde::analyzer
