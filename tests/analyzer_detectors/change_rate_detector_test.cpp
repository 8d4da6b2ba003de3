#include "analyzer/detectors/change_rate_detector.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/analyzer_detectors/column_feeder.h"

namespace sonde::analyzer {
namespace {

double one(const std::string&, const std::string&) {
  return 1;
}

const Score* of_service(const std::vector<Score>& scores, const std::string& service) {
  for (const Score& score : scores) {
    if (score.entity.service == service) return &score;
  }
  return nullptr;
}

/// Columns in which the containers listed exist.
class ChangeRateDetectorTest : public testing::Test {
 protected:
  std::vector<Score> columns(std::vector<std::string> containers, int count = 1) {
    feeder_.set_containers(std::move(containers));
    std::vector<Score> scores;
    for (int i = 0; i < count; ++i) {
      feeder_.push(one);
      scores = detector_.evaluate(feeder_.input());
    }
    return scores;
  }
  ColumnFeeder feeder_{{{"cpu", {}}}, {}};
  ChangeRateDetector detector_{{.rate = {.alpha = 1, .half_life_seconds = 1e12}}};
};

TEST_F(ChangeRateDetectorTest, ASteadyServiceScoresZero) {
  EXPECT_EQ(of_service(columns({"api-1", "api-2"}, 20), "api")->value, 0);
}

TEST_F(ChangeRateDetectorTest, ALostReplicaIsOneChangeInTheTimeSinceTheLast) {
  columns({"api-1", "api-2", "api-3"}, 11);  // observed for 20 s
  const std::vector<Score> scores = columns({"api-1", "api-3"});
  const Score* score = of_service(scores, "api");
  EXPECT_NEAR(score->value, 1.0 / 22, 1e-9);
  const Evidence& instances = score->evidence.at(1);
  EXPECT_EQ(instances.quantity, "instances");
  EXPECT_EQ(instances.value, 2);
  EXPECT_EQ(instances.expected, 3);
}

TEST_F(ChangeRateDetectorTest, AReplacedContainerIsTwoChangesThoughTheCountStays) {
  columns({"api-1", "api-2"}, 11);
  EXPECT_NEAR(of_service(columns({"api-1", "api-9"}), "api")->value, 2.0 / 22, 1e-9);
}

TEST_F(ChangeRateDetectorTest, AmongFewServicesItIsInconclusive) {
  columns({"api-1", "redis-1"}, 5);
  const std::vector<Score> scores = columns({"api-1", "api-2", "redis-1"});
  for (const Score& score : scores) {
    EXPECT_TRUE(score.inconclusive);
    EXPECT_FALSE(score.anomalous);
    EXPECT_TRUE(std::isnan(score.threshold));
    EXPECT_EQ(score.reason, "too few services change to say what is usual: 1 of the 20 needed");
  }
}

TEST_F(ChangeRateDetectorTest, AnOutageOfTheMeasuringIsNoChange) {
  columns({"api-1", "redis-1"}, 5);
  columns({}, 3);
  for (const Score& score : columns({"api-1", "redis-1"})) EXPECT_EQ(score.value, 0);
}

TEST_F(ChangeRateDetectorTest, AServiceThatLosesItsLastContainerIsRemembered) {
  columns({"api-1", "redis-1"}, 5);
  const std::vector<Score> scores = columns({"api-1"});
  ASSERT_NE(of_service(scores, "redis"), nullptr);
  EXPECT_GT(of_service(scores, "redis")->value, 0);
}

TEST_F(ChangeRateDetectorTest, AmongManyServicesTheOneThatKeepsChangingIsFlagged) {
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("s" + std::to_string(100 + i) + "-1");
  columns(names, 50);
  std::vector<Score> scores;
  for (int round = 0; round < 6; ++round) {
    for (size_t i = 0; i < names.size(); ++i) {
      // Each service replaces its container once, the first one in every column.
      if (round == 0 || i == 0) names[i] = names[i].substr(0, 4) + "-" + std::to_string(round + 2);
    }
    scores = columns(names);
  }
  EXPECT_TRUE(of_service(scores, "s100")->anomalous);
  EXPECT_FALSE(of_service(scores, "s101")->anomalous);
}

}  // namespace
}  // namespace sonde::analyzer
