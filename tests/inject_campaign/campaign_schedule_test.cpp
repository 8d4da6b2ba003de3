#include "inject/campaign/campaign_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace sonde::inject {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

/// Two targets, each with two faults; a walk; heavy workload.
CampaignPlan plan_of(bool random_order, uint64_t repeat, uint64_t seed = 1) {
  CampaignPlan plan;
  plan.seed = seed;
  plan.repeat = repeat;
  plan.random_order = random_order;
  plan.warm_up = seconds(10);
  plan.injection_duration = seconds(60);
  plan.pause_time = seconds(20);
  plan.targets = {{{"--service=api"}, "service=api"}, {{"--service=redis"}, "service=redis"}};
  const CampaignFault cpu{"cpu", {FlagRange::between("cores", "0.5", "1.5").value()}};
  const CampaignFault loss{"loss", {FlagRange::fixed("loss", "5%")}};
  plan.faults = {{CampaignEntry::Kind::kSingle, {cpu}, {}},
                 {CampaignEntry::Kind::kTogether, {cpu, loss}, {}},
                 {CampaignEntry::Kind::kWalk, {loss}, {}},
                 {CampaignEntry::Kind::kHeavy, {}, FlagRange::between("factor", "2.0", "3.0").value()}};
  return plan;
}

TEST(CampaignSchedule, ListedIsAlgorithm1) {
  const CampaignPlan plan = plan_of(false, 1);
  const CampaignSchedule schedule = make_schedule(plan);
  std::vector<std::string> what;
  for (const auto& injection : schedule.injections) {
    std::string words;
    for (const auto& fault : injection.faults)
      words += fault.fault + "@" + std::to_string(fault.target) + " ";
    what.push_back(words);
  }
  EXPECT_THAT(what, ElementsAre("cpu@0 ", "cpu@0 loss@0 ", "cpu@1 ", "cpu@1 loss@1 ", "loss@0 loss@1 ", ""));
  EXPECT_EQ(schedule.injections[0].begin, seconds(10));
  EXPECT_EQ(schedule.injections[1].begin, seconds(90));
  EXPECT_EQ(schedule.duration, seconds(10 + 6 * 80));
}

TEST(CampaignSchedule, AWalkGoesFromTargetToTargetInEqualParts) {
  const CampaignSchedule schedule = make_schedule(plan_of(false, 1));
  const auto& walk = schedule.injections[4].faults;
  EXPECT_EQ(walk[0].begin, seconds(0));
  EXPECT_EQ(walk[0].duration, seconds(30));
  EXPECT_EQ(walk[1].begin, seconds(30));
  EXPECT_EQ(walk[1].duration, seconds(30));
}

TEST(CampaignSchedule, DrawsWithinTheRangeAnewForEachInjection) {
  std::set<std::string> drawn;
  for (const auto& injection : make_schedule(plan_of(true, 20)).injections) {
    for (const auto& fault : injection.faults) {
      if (fault.fault != "cpu") continue;
      drawn.insert(fault.flags.at(0));
      const double cores = std::stod(fault.flags.at(0).substr(8));
      EXPECT_GE(cores, 0.5);
      EXPECT_LE(cores, 1.5);
    }
    if (injection.faults.empty()) {
      EXPECT_GE(injection.heavy_factor, 2);
      EXPECT_LE(injection.heavy_factor, 3);
    }
  }
  EXPECT_GT(drawn.size(), 60U);
}

TEST(CampaignSchedule, RandomHasTheSameInjectionsInAnotherOrderByTheSeed) {
  const CampaignPlan first = plan_of(true, 3, 1);
  const CampaignPlan second = plan_of(true, 3, 2);
  const std::string text = make_schedule(first).text(first);
  EXPECT_EQ(text, make_schedule(first).text(first));
  EXPECT_NE(text, make_schedule(second).text(second));
  std::map<std::string, int> counts;
  for (const auto& injection : make_schedule(first).injections) {
    std::string words;
    for (const auto& fault : injection.faults)
      words += fault.fault + "@" + std::to_string(fault.target) + " ";
    ++counts[words];
  }
  EXPECT_EQ(counts.size(), 6U);
  for (const auto& [words, count] : counts) EXPECT_EQ(count, 3) << words;
}

/// The draws do not depend on the standard library: these were written down once.
TEST(CampaignSchedule, IsTheSameOnEveryMachine) {
  SeededRandom random(1);
  EXPECT_EQ(random.below(1000), 133U);
  EXPECT_EQ(random.below(1000), 136U);
  std::vector<int> items = {1, 2, 3, 4, 5};
  random.shuffle(items);
  EXPECT_THAT(items, ElementsAre(4, 5, 2, 1, 3));
}

TEST(CampaignSchedule, IsShownAsATable) {
  const CampaignPlan plan = plan_of(false, 1);
  const std::string text = make_schedule(plan).text(plan);
  EXPECT_THAT(text, HasSubstr("begins at"));
  EXPECT_THAT(text, HasSubstr("   2    0:01:30"));
  EXPECT_THAT(text, HasSubstr(" and loss --loss=5% in service=api\n"));
  EXPECT_THAT(text, HasSubstr("loss --loss=5% in service=api, then loss --loss=5% in service=redis\n"));
  EXPECT_THAT(text, HasSubstr("heavy workload, 2."));
}

TEST(FlagRange, DrawsWholeNumbersBetweenWholeNumbers) {
  SeededRandom random(5);
  std::set<std::string> drawn;
  const FlagRange range = FlagRange::between("rate", "5MiB", "7MiB").value();
  for (int i = 0; i < 100; ++i) drawn.insert(range.draw(random));
  EXPECT_THAT(drawn, ElementsAre("--rate=5MiB", "--rate=6MiB", "--rate=7MiB"));
  EXPECT_NE(FlagRange::between("cores", "1.0", "2.0").value().draw(random).find('.'), std::string::npos);
}

TEST(FlagRange, NeedsTwoNumbersOfOneUnit) {
  EXPECT_TRUE(FlagRange::between("delay", "20ms", "80ms"));
  for (const auto& [low, high] :
       {std::pair{"20ms", "80s"}, {"80ms", "20ms"}, {"", ""}, {"x", "y"}, {"-1", "1"}}) {
    EXPECT_FALSE(FlagRange::between("delay", low, high)) << low;
  }
  SeededRandom random(5);
  const FlagRange range = FlagRange::between("delay", "20ms", "80ms").value();
  EXPECT_THAT(range.draw(random), testing::AllOf(HasSubstr("--delay="), HasSubstr("ms")));
}

}  // namespace
}  // namespace sonde::inject
