#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "analyzer/algorithms/classification_report.h"
#include "analyzer/algorithms/pairwise_coupling.h"
#include "analyzer/algorithms/standardiser.h"

namespace sonde::analyzer {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

TEST(ClassificationReportTest, CountsAndScoresEachClass) {
  const std::vector<uint32_t> truth = {0, 0, 0, 1, 1, 2};
  const std::vector<uint32_t> told = {0, 0, 1, 1, 1, 0};
  const ClassificationReport report = score_classification(truth, told, 4);
  EXPECT_THAT(report.confusion, ElementsAre(2, 1, 0, 0,  //
                                            0, 2, 0, 0,  //
                                            1, 0, 0, 0,  //
                                            0, 0, 0, 0));
  EXPECT_DOUBLE_EQ(report.classes[0].precision, 2 / 3.0);
  EXPECT_DOUBLE_EQ(report.classes[0].recall, 2 / 3.0);
  EXPECT_DOUBLE_EQ(report.classes[1].precision, 2 / 3.0);
  EXPECT_DOUBLE_EQ(report.classes[1].recall, 1);
  EXPECT_DOUBLE_EQ(report.classes[1].f1, 0.8);
  EXPECT_DOUBLE_EQ(report.classes[2].f1, 0);
  EXPECT_DOUBLE_EQ(report.accuracy, 4 / 6.0);
  // The fourth class is neither in the truth nor told, so it is in no mean.
  EXPECT_DOUBLE_EQ(report.macro.f1, (2 / 3.0 + 0.8 + 0) / 3);
  EXPECT_DOUBLE_EQ(report.weighted.f1, (3 * 2 / 3.0 + 2 * 0.8 + 0) / 6);
  EXPECT_EQ(report.macro.support, 6U);
}

TEST(StandardiserTest, BringsColumnsToMeanZeroAndDeviationOne) {
  const double missing = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> features = {1, 10, 7,       missing,  //
                                  3, 10, missing, missing};
  const Standardiser standardiser = Standardiser::fit(features, 4);
  EXPECT_THAT(standardiser.means(), ElementsAre(2, 10, 7, 0));
  EXPECT_THAT(standardiser.deviations(), ElementsAre(1, 0, 0, 0));
  standardiser.apply(features);
  EXPECT_THAT(features, ElementsAre(-1, 0, 0, 0, 1, 0, 0, 0));
}

TEST(StandardiserTest, MovedARowAsManyNormalDeviationsAwayComesOutTheSame) {
  const Standardiser scale = Standardiser::of({5, 100}, {2, 30});
  const Standardiser there = Standardiser::of({4, 90}, {0.5, 10});
  const Standardiser here = Standardiser::of({40, 70}, {2, 5});
  std::vector<double> row = {4 + 3 * 0.5, 90 - 2 * 10.0};
  std::vector<double> elsewhere = {40 + 3 * 2.0, 70 - 2 * 5.0};
  scale.apply(row);
  scale.moved(there, here).apply(elsewhere);
  EXPECT_THAT(elsewhere, Pointwise(DoubleNear(1e-12), row));
  EXPECT_THAT(scale.moved(there, there).means(), ElementsAre(5, 100));
}

TEST(StandardiserTest, WhatRoundingLeavesOfEqualValuesIsNoDeviation) {
  std::vector<double> features(1000, 0.1);
  EXPECT_THAT(Standardiser::fit(features, 1).deviations(), ElementsAre(0));
}

TEST(StandardiserTest, WhatHardlyEverVariesWithoutAFaultIsNotStretchedByIt) {
  // Retransmits: none without a fault but for a few in one of the two times; some eight with one.
  const Standardiser scale = Standardiser::of({1, 1}, {3, 3});
  const Standardiser none = Standardiser::of({0, 0}, {0, 0});
  const Standardiser few = Standardiser::of({0.01, 0.01}, {0.06, 0.01});
  for (const auto& [there, here] : {std::pair(none, few), {few, none}}) {
    std::vector<double> loss = {8, 8};
    scale.moved(there, here).apply(loss);
    EXPECT_THAT(loss, Pointwise(DoubleNear(0.1), std::vector{7 / 3.0, 7 / 3.0}));
  }
}

TEST(PairwiseCoupling, RecoversTheProbabilitiesThatThePairsAreMadeFrom) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> any(0.01, 1);
  for (const size_t classes : {size_t{1}, size_t{2}, size_t{3}, size_t{14}}) {
    std::vector<double> expected(classes);
    for (double& each : expected) each = any(random);
    const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
    for (double& each : expected) each /= sum;
    std::vector<double> pairwise(classes * classes, 0.5);
    for (size_t i = 0; i < classes; ++i) {
      for (size_t j = 0; j < classes; ++j)
        pairwise[i * classes + j] = expected[i] / (expected[i] + expected[j]);
    }
    std::vector<double> out(classes);
    couple_pairwise(pairwise, out);
    EXPECT_THAT(out, Pointwise(DoubleNear(0.01), expected));
    EXPECT_NEAR(std::accumulate(out.begin(), out.end(), 0.0), 1, 1e-12);
  }
}

}  // namespace
}  // namespace sonde::analyzer
