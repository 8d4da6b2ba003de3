#include "analyzer/algorithms/dtw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/analyzer_algorithms/expected.h"
#include "tests/analyzer_algorithms/series_maker.h"

namespace sonde::analyzer {
namespace {

TEST(Dtw, MatchesTheRecursionOfTheDefinition) {
  EXPECT_NEAR(dtw_squared(made_series(1, 20), made_series(2, 20)), expected::kDtwSquared20By20, 1e-12);
  EXPECT_NEAR(dtw_squared(made_series(1, 13), made_series(2, 31)), expected::kDtwSquared13By31, 1e-12);
}

TEST(Dtw, EqualSeriesHaveZeroDistance) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<double> series = made_series(seed, 5 + seed);
    EXPECT_EQ(dtw_squared(series, series), 0);
  }
}

TEST(Dtw, IsSymmetric) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<double> a = made_series(seed, 10 + seed);
    const std::vector<double> b = made_series(seed + 100, 30 - seed);
    EXPECT_NEAR(dtw_squared(a, b), dtw_squared(b, a), 1e-12);
  }
}

TEST(Dtw, IsAtMostTheEuclideanDistance) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<double> a = made_series(seed, 25);
    const std::vector<double> b = made_series(seed + 50, 25);
    double euclidean = 0;
    for (size_t i = 0; i < a.size(); ++i) euclidean += (a[i] - b[i]) * (a[i] - b[i]);
    EXPECT_LE(dtw_squared(a, b), euclidean + 1e-12);
  }
}

TEST(Dtw, AShiftInTimeCostsNothingButItsEnds) {
  const std::vector<double> early = {0, 0, 5, 9, 5, 0, 0, 0, 0};
  const std::vector<double> late = {0, 0, 0, 0, 5, 9, 5, 0, 0};
  EXPECT_EQ(dtw_squared(early, late), 0);
}

TEST(Dtw, ADifferenceInLevelCostsItsSquareAtEachPoint) {
  const std::vector<double> low(20, 1.0);
  const std::vector<double> high(20, 4.0);
  EXPECT_EQ(dtw_squared(low, high), 20 * 9);
  EXPECT_DOUBLE_EQ(dtw_distance(low, high), 3);
}

TEST(Dtw, ScalesWithTheSquareOfTheUnit) {
  std::vector<double> a = made_series(1, 20);
  std::vector<double> b = made_series(2, 20);
  const double before = dtw_squared(a, b);
  for (double& value : a) value *= 3;
  for (double& value : b) value *= 3;
  EXPECT_NEAR(dtw_squared(a, b), 9 * before, 1e-9);
}

TEST(Dtw, OnePointIsComparedWithEachOfTheOther) {
  EXPECT_EQ(dtw_squared(std::vector<double>{2}, std::vector<double>{1, 2, 5}), 1 + 0 + 9);
}

}  // namespace
}  // namespace sonde::analyzer
