#include "analyzer/diagnosis/fleet.h"

#include <gtest/gtest.h>

#include "tests/analyzer_detectors/column_feeder.h"

namespace sonde::analyzer {
namespace {

/// A z-score of a container: its cpu and traffic now, where 0.1 cores and 10,000 bytes/s are expected.
Score zscore(const std::string& container, double cpu, double traffic) {
  Score score;
  score.detector = "zscore";
  score.entity = {"shop", container, container, container.substr(0, container.rfind('-'))};
  const auto add = [&](const char* quantity, double value, double expected) {
    Evidence& evidence = score.evidence.emplace_back();
    evidence.quantity = quantity;
    evidence.value = value;
    evidence.expected = expected;
  };
  add("cpu", cpu, 0.1);
  add("traffic", traffic, 10'000);
  return score;
}

Fleet fleet_of(const std::vector<Score>& scores) {
  return {scores, shop_traits(), FleetOptions{}};
}

const Entity kApi{"shop", "api-1", "api-1", "api"};

TEST(Fleet, DoubledTrafficOfMostServicesIsAShiftUpwards) {
  const Fleet fleet = fleet_of({zscore("api-1", 0.2, 20'000), zscore("redis-1", 0.2, 20'000),
                                zscore("nginx-1", 0.2, 20'000), zscore("cron-1", 0.1, 10'000)});
  EXPECT_TRUE(fleet.state().shifted);
  EXPECT_NEAR(fleet.state().load_ratio, 2, 0.05);
  EXPECT_NEAR(fleet.explained_factor(kApi, "cpu"), 2 * 1.5, 0.2);
}

TEST(Fleet, OneBusyServiceIsNone) {
  const Fleet fleet = fleet_of({zscore("api-1", 0.5, 50'000), zscore("redis-1", 0.1, 10'000),
                                zscore("nginx-1", 0.1, 10'000), zscore("cron-1", 0.1, 10'000)});
  EXPECT_FALSE(fleet.state().shifted);
  EXPECT_NEAR(fleet.explained_factor(kApi, "cpu"), 1, 0.01) << "its own rise explains nothing";
}

TEST(Fleet, ALoadThatFallsIsAShiftButExplainsNoRise) {
  const Fleet fleet = fleet_of(
      {zscore("api-1", 0.05, 4'000), zscore("redis-1", 0.05, 4'000), zscore("nginx-1", 0.05, 4'000)});
  EXPECT_TRUE(fleet.state().shifted);
  EXPECT_EQ(fleet.explained_factor(kApi, "cpu"), 1);
}

TEST(Fleet, AMachineThatIsSlowerForAllExplainsCpuTime) {
  const Fleet fleet = fleet_of(
      {zscore("api-1", 0.2, 10'000), zscore("redis-1", 0.2, 10'000), zscore("nginx-1", 0.2, 10'000)});
  EXPECT_FALSE(fleet.state().shifted);
  EXPECT_NEAR(fleet.explained_factor(kApi, "cpu"), 1.83, 0.01);  // (0.2 + 0.02) / (0.1 + 0.02)
  EXPECT_EQ(fleet.explained_factor(kApi, "memory"), 1);
}

TEST(Fleet, TwoServicesAreTooFewToSpeakOfMost) {
  const Fleet fleet = fleet_of({zscore("api-1", 0.2, 20'000), zscore("redis-1", 0.2, 20'000)});
  EXPECT_FALSE(fleet.state().shifted);
  EXPECT_EQ(fleet.explained_factor(kApi, "cpu"), 1);
}

TEST(Fleet, LostReplicasExplainWhatTheOthersTakeOver) {
  std::vector<Score> scores = {zscore("api-1", 0.1, 10'000)};
  Score& change = scores.emplace_back();
  change.detector = "change_rate";
  change.entity = {"shop", "", "", "api"};
  change.evidence.resize(2);
  change.evidence[1].quantity = "instances";
  change.evidence[1].value = 2;
  change.evidence[1].expected = 3;
  EXPECT_DOUBLE_EQ(fleet_of(scores).explained_factor(kApi, "cpu"), 1.5);
}

}  // namespace
}  // namespace sonde::analyzer
