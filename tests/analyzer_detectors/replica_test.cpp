#include "analyzer/detectors/replica.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/analyzer_detectors/column_feeder.h"

namespace sonde::analyzer {
namespace {

/// Pushes quiet columns, then some in which one container uses a core more.
std::vector<Score> scores_of(std::vector<std::string> containers, const std::string& odd, int faulty_columns,
                             unsigned seed = 3, const std::string& odd_quantity = "cpu") {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  ColumnFeeder feeder(shop_traits(), std::move(containers));
  ReplicaDetector detector({});
  for (int i = 0; i < 30; ++i) {
    feeder.push([&](const std::string& quantity, const std::string& container) {
      const bool fault = i >= 30 - faulty_columns && container == odd && quantity == odd_quantity;
      return (quantity == "cpu" ? 0.1 + 0.01 * normal(generator) : 1000 * normal(generator)) +
             (!fault              ? 0
              : quantity == "cpu" ? 1
                                  : 1e6);
    });
  }
  return detector.evaluate(feeder.input());
}

TEST(ReplicaDetector, NamesTheOddOneOfThreeAfterTwoColumns) {
  const std::vector<Score> scores = scores_of({"api-1", "api-2", "api-3"}, "api-2", 2);
  EXPECT_TRUE(find_score(scores, "api-2")->anomalous);
  EXPECT_FALSE(find_score(scores, "api-1")->anomalous);
  EXPECT_FALSE(find_score(scores, "api-3")->anomalous);
}

TEST(ReplicaDetector, ItsEvidenceIsTheDistanceInEachQuantity) {
  const std::vector<Score> scores = scores_of({"api-1", "api-2", "api-3"}, "api-2", 4);
  const Score* score = find_score(scores, "api-2");
  ASSERT_EQ(score->evidence.size(), 2U) << "of the quantities with role cause";
  EXPECT_EQ(score->evidence[0].quantity, "cpu");
  EXPECT_GT(score->evidence[0].value, 1.9 * score->evidence[0].expected) << "the next one's distance";
  EXPECT_EQ(score->evidence[0].end_ms - score->evidence[0].start_ms, 19 * 2000);
}

TEST(ReplicaDetector, TheQuantityThatItStandsOutInComesFirst) {
  const std::vector<Score> scores = scores_of({"api-1", "api-2", "api-3"}, "api-2", 4, 3, "memory");
  const Score* score = find_score(scores, "api-2");
  EXPECT_TRUE(score->anomalous);
  ASSERT_EQ(score->evidence.size(), 2U);
  EXPECT_EQ(score->evidence[0].quantity, "memory");
  EXPECT_EQ(score->evidence[0].value, score->value);
  EXPECT_DOUBLE_EQ(score->threshold, std::max(3.0, 1.5 * score->evidence[0].expected));
  EXPECT_EQ(score->evidence[1].quantity, "cpu");
}

TEST(ReplicaDetector, NamesNobodyAmongAlikeReplicas) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    for (const Score& score : scores_of({"api-1", "api-2", "api-3"}, "", 0, seed)) {
      EXPECT_FALSE(score.anomalous) << seed;
      EXPECT_FALSE(score.inconclusive);
    }
  }
}

TEST(ReplicaDetector, TwoReplicasThatDifferAreInconclusive) {
  for (const Score& score : scores_of({"api-1", "api-2"}, "api-2", 4)) {
    EXPECT_FALSE(score.anomalous);
    EXPECT_TRUE(score.inconclusive);
    EXPECT_EQ(score.reason, "two replicas differ: each is equally far from the other");
  }
}

TEST(ReplicaDetector, TwoReplicasAlikeAreNot) {
  for (const Score& score : scores_of({"api-1", "api-2"}, "", 0)) EXPECT_FALSE(score.inconclusive);
}

TEST(ReplicaDetector, AServiceOfOneContainerHasNoDistance) {
  EXPECT_TRUE(scores_of({"redis"}, "redis", 4).empty());
}

TEST(ReplicaDetector, DifferentServicesAreNotCompared) {
  EXPECT_TRUE(scores_of({"api", "nginx", "redis"}, "redis", 4).empty());
}

}  // namespace
}  // namespace sonde::analyzer
