#include "analyzer/series/align.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <vector>

#include "analyzer/series/frame.h"

namespace sonde::analyzer {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::NanSensitiveDoubleEq;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kStale = std::bit_cast<double>(kStaleNanBits);

/// A cell that is a gap.
auto gap() {
  return NanSensitiveDoubleEq(kGap);
}

std::vector<double> gauge(const std::vector<Sample>& samples, const Grid& grid, int64_t lookback_ms) {
  std::vector<double> out(grid.columns, -1);
  align_gauge(samples, grid, lookback_ms, out);
  return out;
}

std::vector<double> rate(const std::vector<Sample>& samples, const Grid& grid, int64_t lookback_ms) {
  std::vector<double> out(grid.columns, -1);
  align_rate(samples, grid, lookback_ms, out);
  return out;
}

TEST(Grid, CoversBothEnds) {
  EXPECT_EQ(Grid::covering(0, 10, 5).columns, 3U);
  EXPECT_EQ(Grid::covering(0, 9, 5).columns, 2U);
  EXPECT_EQ(Grid::covering(7, 7, 5).columns, 1U);
  EXPECT_EQ(Grid::covering(7, 6, 5).columns, 0U);
}

TEST(AlignGauge, ACellTakesTheNewestSampleNotAfterIt) {
  const std::vector<Sample> samples = {{900, 1}, {2000, 2}, {2500, 3}, {3001, 4}};
  EXPECT_THAT(gauge(samples, {1000, 1000, 4}, 1500), ElementsAre(1, 2, 3, 4));
}

TEST(AlignGauge, BeforeTheFirstSampleAndBeyondLookbackAreGaps) {
  const std::vector<Sample> samples = {{2000, 2}};
  EXPECT_THAT(gauge(samples, {1000, 1000, 5}, 2000), ElementsAre(gap(), 2, 2, 2, gap()));
}

TEST(AlignGauge, AStaleMarkerEndsTheSeriesUntilItsNextSample) {
  const std::vector<Sample> samples = {{1000, 1}, {1500, kStale}, {3000, 3}};
  EXPECT_THAT(gauge(samples, {1000, 1000, 3}, 60'000), ElementsAre(1, gap(), 3));
}

TEST(AlignGauge, WhatIsNotFiniteIsAGap) {
  const std::vector<Sample> samples = {{1000, kInfinity}, {2000, kGap}, {3000, -kInfinity}, {4000, 4}};
  EXPECT_THAT(gauge(samples, {1000, 1000, 4}, 60'000), ElementsAre(gap(), gap(), gap(), 4));
}

TEST(AlignGauge, NoSamplesGiveOnlyGaps) {
  EXPECT_THAT(gauge({}, {0, 1000, 2}, 60'000), ElementsAre(gap(), gap()));
}

TEST(AlignRate, TheFirstSampleGivesAGapAndThenTheIncreasePerSecond) {
  const std::vector<Sample> samples = {{1000, 100}, {2000, 110}, {3000, 130}};
  EXPECT_THAT(rate(samples, {1000, 1000, 3}, 60'000), ElementsAre(gap(), 10, 20));
}

TEST(AlignRate, ASampleBeforeTheGridGivesTheFirstCellItsRate) {
  const std::vector<Sample> samples = {{0, 90}, {1000, 100}, {2000, 110}};
  EXPECT_THAT(rate(samples, {1000, 1000, 2}, 60'000), ElementsAre(10, 10));
}

TEST(AlignRate, DividesByTheTimeBetweenSamplesNotByTheStep) {
  // Scrapes late by 0.4 s and early by 0.2 s: 7 per second all along.
  const std::vector<Sample> samples = {{0, 0}, {1400, 9.8}, {1800, 12.6}, {3000, 21}};
  EXPECT_THAT(rate(samples, {1000, 1000, 3}, 60'000), ElementsAre(gap(), DoubleEq(7), DoubleEq(7)));
}

TEST(AlignRate, ACellWithoutANewSampleRepeatsTheRateUntilLookback) {
  const std::vector<Sample> samples = {{0, 0}, {1000, 5}};
  EXPECT_THAT(rate(samples, {1000, 1000, 4}, 2000), ElementsAre(5, 5, 5, gap()));
}

TEST(AlignRate, SeveralSamplesInOneCellAreTakenTogether) {
  const std::vector<Sample> samples = {{0, 0}, {500, 3}, {1000, 5}, {1500, 6}, {2000, 9}};
  EXPECT_THAT(rate(samples, {0, 1000, 3}, 60'000), ElementsAre(gap(), 5, 4));
}

TEST(AlignRate, AResetCountsFromZero) {
  const std::vector<Sample> samples = {{0, 100}, {1000, 107}, {2000, 3}, {3000, 5}};
  EXPECT_THAT(rate(samples, {0, 1000, 4}, 60'000), ElementsAre(gap(), 7, 3, 2));
}

TEST(AlignRate, AResetBetweenTwoCellsLosesNothing) {
  const std::vector<Sample> samples = {{0, 100}, {400, 104}, {700, 1}, {1000, 2}};
  EXPECT_THAT(rate(samples, {0, 1000, 2}, 60'000), ElementsAre(gap(), 6));
}

TEST(AlignRate, AfterAStaleMarkerItBeginsAnew) {
  const std::vector<Sample> samples = {{0, 10}, {1000, 20}, {1500, kStale}, {3000, 5}, {4000, 9}};
  EXPECT_THAT(rate(samples, {0, 1000, 5}, 60'000), ElementsAre(gap(), 10, gap(), gap(), 4));
}

TEST(AlignRate, AHoleLongerThanLookbackGivesNoRateAcrossIt) {
  const std::vector<Sample> samples = {{0, 0}, {1000, 1}, {6000, 100}, {7000, 103}};
  EXPECT_THAT(rate(samples, {0, 1000, 8}, 2000), ElementsAre(gap(), 1, 1, 1, gap(), gap(), gap(), 3));
}

TEST(AlignRate, PassesOverWhatIsNotFinite) {
  const std::vector<Sample> samples = {{0, 0}, {1000, kGap}, {2000, 4}, {3000, kInfinity}, {4000, 8}};
  EXPECT_THAT(rate(samples, {0, 2000, 3}, 60'000), ElementsAre(gap(), 2, 2));
}

TEST(AlignRate, AGaugeThatFallsIsNoReset) {
  const std::vector<Sample> samples = {{0, 100}, {1000, 130}, {2000, 90}, {4000, 100}};
  std::vector<double> out(5);
  align_rate(samples, {0, 1000, 5}, 60'000, out, SeriesKind::kGauge);
  EXPECT_THAT(out, ElementsAre(gap(), 30, -40, -40, 5));
}

TEST(AlignRate, ASteadyCounterHasOneRateOnAnyGrid) {
  std::vector<Sample> samples;
  for (int64_t t = 0; t < 600'000; t += 1'300) samples.push_back({t, 3.0 * static_cast<double>(t) / 1000});
  for (const int64_t step_ms : {100, 1'000, 1'300, 15'000}) {
    const Grid grid = Grid::covering(10'000, 590'000, step_ms);
    for (const double cell : rate(samples, grid, 5'000)) ASSERT_NEAR(cell, 3, 1e-9) << step_ms;
  }
}

}  // namespace
}  // namespace sonde::analyzer
