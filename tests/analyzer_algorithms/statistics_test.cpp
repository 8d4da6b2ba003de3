#include "analyzer/algorithms/statistics.h"

#include <gtest/gtest.h>

#include "tests/analyzer_algorithms/expected.h"
#include "tests/analyzer_algorithms/series_maker.h"

namespace sonde::analyzer {
namespace {

TEST(Statistics, QuantileInterpolatesBetweenOrderStatistics) {
  std::vector<double> values = made_series(5, 37, 2.0);
  EXPECT_NEAR(quantile(values, 0.3), expected::kQuantile30, 1e-12);
  EXPECT_NEAR(median(values), expected::kMedian, 1e-12);
}

TEST(Statistics, EndsAreTheExtremes) {
  std::vector<double> values = {3, 1, 2};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 1), 3);
}

TEST(Statistics, OneValueIsEveryQuantile) {
  std::vector<double> values = {4};
  EXPECT_EQ(quantile(values, 0.1), 4);
  EXPECT_EQ(interquartile_range(values), 0);
}

TEST(Statistics, QuartilesOfZeroToFourAreOneAndThree) {
  std::vector<double> values = {4, 0, 2, 1, 3};
  EXPECT_EQ(interquartile_range(values), 2);
}

}  // namespace
}  // namespace sonde::analyzer
