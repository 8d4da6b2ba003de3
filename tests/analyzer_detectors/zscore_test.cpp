#include "analyzer/detectors/zscore.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/analyzer_detectors/column_feeder.h"

namespace sonde::analyzer {
namespace {

/// Two containers with a steady cpu, a jittery memory and a traffic, and what one of them does besides.
class ZscoreTest : public testing::Test {
 protected:
  std::vector<Score> column(double more_cpu = 0, double more_traffic = 0) {
    feeder_.push([&](const std::string& quantity, const std::string& container) {
      const double noise = normal_(generator_);
      const bool loud = container == "api-1";
      if (quantity == "cpu") return 0.5 + 0.01 * noise + (loud ? more_cpu : 0);
      if (quantity == "memory") return 4000 * noise;
      return 5000 + 200 * noise + (loud ? more_traffic : 0);
    });
    return detector_.evaluate(feeder_.input());
  }
  Score api1(double more_cpu = 0, double more_traffic = 0) {
    return *find_score(column(more_cpu, more_traffic), "api-1");
  }
  void learn(size_t columns) {
    for (size_t i = 0; i < columns; ++i) column();
  }

  std::mt19937 generator_{7};
  std::normal_distribution<double> normal_;
  ColumnFeeder feeder_{shop_traits(), {"api-1", "api-2"}};
  ZscoreDetector detector_{ZscoreOptions{}};
};

TEST_F(ZscoreTest, WithoutHistoryItIsInconclusiveAndSaysWhy) {
  const Score score = api1();
  EXPECT_TRUE(score.inconclusive);
  EXPECT_TRUE(std::isnan(score.value));
  EXPECT_FALSE(score.anomalous);
  EXPECT_EQ(score.reason, "learning: 0 of 20 samples");
}

TEST_F(ZscoreTest, TellsHowFarItHasLearnedUntilItScores) {
  for (size_t seen = 0; seen < 20; ++seen) {
    const Score score = api1();
    ASSERT_TRUE(score.inconclusive) << seen;
    EXPECT_EQ(score.learned, seen);
    EXPECT_EQ(score.needed, 20U);
    EXPECT_EQ(score.reason, "learning: " + std::to_string(seen) + " of 20 samples");
  }
  const Score score = api1();
  EXPECT_FALSE(score.inconclusive);
  EXPECT_EQ(score.needed, 0U);
  EXPECT_EQ(score.reason, "");
}

TEST_F(ZscoreTest, ALearnedContainerWithoutAValueOfACauseIsNotSaidToLearn) {
  learn(30);
  feeder_.push(
      [](const std::string& quantity, const std::string&) { return quantity == "traffic" ? 5000 : kGap; });
  const std::vector<Score> scores = detector_.evaluate(feeder_.input());
  const Score* score = find_score(scores, "api-1");
  ASSERT_NE(score, nullptr);
  EXPECT_TRUE(score->inconclusive);
  EXPECT_EQ(score->needed, 0U);
  EXPECT_EQ(score->reason, "no quantity that has a baseline has a value now");
}

TEST_F(ZscoreTest, GapsDoNotCountAsLearned) {
  learn(10);
  for (int i = 0; i < 8; ++i) {
    feeder_.push(
        [](const std::string& quantity, const std::string&) { return quantity == "traffic" ? 5000 : kGap; });
    static_cast<void>(detector_.evaluate(feeder_.input()));
  }
  EXPECT_EQ(api1().learned, 12U) << "10 and the two on which the filter had not decided, none of the gaps";
}

TEST_F(ZscoreTest, QuietColumnsScoreAboutOneOrLess) {
  learn(60);
  double sum = 0;
  for (int i = 0; i < 50; ++i) sum += api1().value;
  EXPECT_LT(sum / 50, 1.5);  // cpu's deviation is held up by its floor, memory's is its own
  EXPECT_GT(sum / 50, 0.3);
}

TEST_F(ZscoreTest, AJumpScoresItsSquareOverTheQuantitiesAndIsExplainedByThem) {
  learn(60);
  const Score score = api1(1.0);
  EXPECT_TRUE(score.anomalous);
  // (1 core / 0.02 cores)² / 2 quantities with role cause = 1,250, give or take the noise.
  EXPECT_NEAR(score.value, 1250, 150);
  ASSERT_EQ(score.evidence.size(), 3U);
  EXPECT_EQ(score.evidence[0].quantity, "cpu");
  EXPECT_GT(score.evidence[0].contribution, 0.98);
  EXPECT_NEAR(score.evidence[0].value, 1.5, 0.05);
  EXPECT_NEAR(score.evidence[0].expected, 0.5, 0.01);
  EXPECT_EQ(score.evidence[0].series, "cpu{container=\"api-1\"}");
  EXPECT_LT(score.evidence[0].start_ms, score.evidence[0].end_ms - 50 * 2000);
}

TEST_F(ZscoreTest, ASymptomIsShownButDoesNotCount) {
  learn(60);
  const Score score = api1(0, 1e6);
  EXPECT_FALSE(score.anomalous);
  const auto traffic = std::ranges::find(score.evidence, "traffic", &Evidence::quantity);
  ASSERT_NE(traffic, score.evidence.end());
  EXPECT_EQ(traffic->contribution, 0);
  EXPECT_GT(traffic->value, 1e6);
}

TEST_F(ZscoreTest, AnotherContainersJumpDoesNotTouchTheScore) {
  learn(60);
  EXPECT_FALSE(find_score(column(1.0), "api-2")->anomalous);
}

TEST_F(ZscoreTest, AFaultDoesNotBecomeNormalWhileItLasts) {
  learn(60);
  const double before = api1(1.0).value;
  double last = 0;
  for (int i = 0; i < 200; ++i) last = api1(1.0).value;
  EXPECT_GT(last, 0.8 * before);
  EXPECT_TRUE(api1(1.0).anomalous);
  for (int i = 0; i < 5; ++i) api1();
  EXPECT_FALSE(api1().anomalous) << "and it is over when it is over";
}

TEST_F(ZscoreTest, WhatLastsLongerThanRelearnBecomesNormal) {
  ZscoreOptions options;
  options.relearn_columns = 50;
  detector_ = ZscoreDetector(options);
  learn(60);
  for (int i = 0; i < 120; ++i) api1(1.0);
  EXPECT_FALSE(api1(1.0).anomalous);
}

TEST_F(ZscoreTest, AGapIsNoValueAndAWholeColumnOfGapsNoScore) {
  learn(60);
  feeder_.push([&](const std::string& quantity, const std::string& container) {
    return container == "api-1" || quantity == "cpu" ? kGap : 0.0;
  });
  const std::vector<Score> scores = detector_.evaluate(feeder_.input());
  EXPECT_EQ(find_score(scores, "api-1"), nullptr);
  const Score* other = find_score(scores, "api-2");
  ASSERT_NE(other, nullptr);
  for (const Evidence& evidence : other->evidence) EXPECT_NE(evidence.quantity, "cpu");
}

TEST_F(ZscoreTest, ABurstWhileLearningDoesNotHideALaterFault) {
  learn(10);
  column(1.5);
  column(1.5);
  learn(40);
  EXPECT_TRUE(api1(1.0).anomalous);
}

TEST_F(ZscoreTest, ALoneSpikeDoesNotBlindItToALaterFault) {
  learn(60);
  EXPECT_TRUE(api1(1.5).anomalous);
  learn(10);
  for (int i = 0; i < 100; ++i) {
    const Score score = api1(1.0);
    EXPECT_TRUE(score.anomalous) << i << ": " << score.value << " of " << score.threshold;
    EXPECT_EQ(score.evidence.front().quantity, "cpu");
    EXPECT_NEAR(score.evidence.front().expected, 0.5, 0.01);
  }
}

TEST_F(ZscoreTest, NorDoSeveralLoneSpikes) {
  learn(60);
  for (int spike = 0; spike < 5; ++spike) {
    api1(1.5);
    learn(8);
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(api1(1.0).anomalous) << i;
}

// The share of quiet columns that are flagged, over 20 seeds.
TEST(Zscore, FlagsFewQuietColumns) {
  int flags = 0;
  int columns = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    ColumnFeeder feeder(shop_traits(), {"api-1", "api-2", "redis-1"});
    ZscoreDetector detector({});
    for (int i = 0; i < 600; ++i) {
      feeder.push([&](const std::string& quantity, const std::string&) {
        return quantity == "cpu" ? 0.5 + 0.05 * normal(generator) : 5000 * normal(generator);
      });
      for (const Score& score : detector.evaluate(feeder.input())) {
        if (score.inconclusive) continue;
        ++columns;
        flags += score.anomalous ? 1 : 0;
      }
    }
  }
  EXPECT_GT(columns, 30'000);
  EXPECT_LT(flags, columns / 100) << "nominally 0.3 %";
}

}  // namespace
}  // namespace sonde::analyzer
