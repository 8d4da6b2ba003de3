#include "analyzer/algorithms/z_score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/analyzer_algorithms/expected.h"
#include "tests/analyzer_algorithms/series_maker.h"

namespace sonde::analyzer {
namespace {

constexpr DeviationFloors kNoFloors{.relative = 0, .absolute = 1e-12};

std::vector<double> normal_values(unsigned seed, size_t count, double mean, double deviation) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<double> values(count);
  for (double& value : values) value = normal(generator);
  return values;
}

TEST(ZScore, BaselineOfFewValuesIsMeanAndStandardDeviation) {
  std::vector<double> values = made_series(9, 12);
  const Baseline baseline = estimate_baseline(values, kNoFloors);
  EXPECT_NEAR(baseline.mean, expected::kPlainMean, 1e-12);
  EXPECT_NEAR(baseline.deviation, expected::kPlainDeviation, 1e-12);
}

TEST(ZScore, BaselineIsWinsorisedAndCorrected) {
  std::vector<double> values = made_series(7, 100, 10.0);
  const Baseline baseline = estimate_baseline(values, kNoFloors);
  EXPECT_NEAR(baseline.mean, expected::kWinsorisedMean, 1e-12);
  EXPECT_NEAR(baseline.deviation, expected::kWinsorisedDeviation, 1e-6);  // the constant has nine digits
}

TEST(ZScore, NormalValuesGetTheirOwnDeviationBack) {
  std::vector<double> values = normal_values(1, 20000, 5, 2);
  const Baseline baseline = estimate_baseline(values, kNoFloors);
  EXPECT_NEAR(baseline.mean, 5, 0.05);
  EXPECT_NEAR(baseline.deviation, 2, 0.05);
}

TEST(ZScore, ABurstInTheLearningWindowHardlyMovesTheBaseline) {
  std::vector<double> values = normal_values(2, 60, 1, 0.1);
  values[30] = values[31] = 100;
  const Baseline baseline = estimate_baseline(values, kNoFloors);
  EXPECT_NEAR(baseline.mean, 1, 0.05);
  EXPECT_LT(baseline.deviation, 0.2);
}

TEST(ZScore, FloorsHoldTheDeviationUp) {
  std::vector<double> constant(30, 50.0);
  EXPECT_DOUBLE_EQ(estimate_baseline(constant, {.relative = 0.02, .absolute = 0.1}).deviation, 1.0);
  EXPECT_DOUBLE_EQ(estimate_baseline(constant, {.relative = 0.02, .absolute = 3}).deviation, 3.0);
  std::vector<double> zero(30, 0.0);
  EXPECT_DOUBLE_EQ(estimate_baseline(zero, {.relative = 0.02, .absolute = 0.1}).deviation, 0.1);
}

TEST(ZScore, OfTheLearningValuesHasMeanZeroAndMeanSquareOne) {
  std::vector<double> values = normal_values(3, 5000, -3, 7);
  std::vector<double> scratch = values;
  const Baseline baseline = estimate_baseline(scratch, kNoFloors);
  std::vector<double> scores;
  double sum = 0;
  for (const double value : values) {
    scores.push_back(z_score(value, baseline));
    sum += scores.back();
  }
  EXPECT_NEAR(sum / 5000, 0, 0.02);
  EXPECT_NEAR(mean_squared(scores), 1, 0.05);
}

TEST(ZScore, DoesNotChangeWithUnitOrOffset) {
  const std::vector<double> values = normal_values(4, 50, 10, 1);
  std::vector<double> plain = values;
  std::vector<double> scaled;
  for (const double value : values) scaled.push_back(1000 * value + 5);
  const Baseline one = estimate_baseline(plain, kNoFloors);
  const Baseline other = estimate_baseline(scaled, kNoFloors);
  EXPECT_NEAR(z_score(13, one), z_score(13005, other), 1e-9);
}

TEST(ZScore, MeanSquaredPassesOverMissingScores) {
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DOUBLE_EQ(mean_squared(std::vector<double>{3, kMissing, 4}), 12.5);
  EXPECT_TRUE(std::isnan(mean_squared(std::vector<double>{kMissing, kMissing})));
  EXPECT_TRUE(std::isnan(mean_squared({})));
  EXPECT_TRUE(std::isnan(z_score(kMissing, Baseline{})));
}

}  // namespace
}  // namespace sonde::analyzer
