#include "inject/campaign/campaign_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTargets = "targets: [{service: api, namespace: shop}, {cgroup: /shop/redis}]\n";

std::string refusal(const std::string& text) {
  const auto plan = parse_campaign(text, "shop.yml");
  return plan ? "" : plan.error().message;
}

TEST(CampaignPlan, IsRead) {
  const auto plan = parse_campaign(std::string(R"(seed: 7
repeat: 2
order: listed
warm_up: 5s
injection_duration: 1m30s
pause_time: 0s
faults:
  - {fault: cpu, cores: [0.1, 0.5]}
  - heavy_workload: 2
  - walk: {fault: cpu, cores: 0.3}
workload: {url: 'http://shop/', rate: 80, steps: 1s*2}
)") + kTargets,
                                   "shop.yml");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->seed, 7U);
  EXPECT_EQ(plan->repeat, 2U);
  EXPECT_FALSE(plan->random_order);
  EXPECT_EQ(plan->warm_up, std::chrono::seconds(5));
  EXPECT_EQ(plan->injection_duration, std::chrono::seconds(90));
  EXPECT_EQ(plan->pause_time, std::chrono::seconds(0));
  ASSERT_EQ(plan->targets.size(), 2U);
  EXPECT_THAT(plan->targets[0].flags, ElementsAre("--service=api", "--namespace=shop"));
  EXPECT_EQ(plan->targets[1].text, "cgroup=/shop/redis");
  ASSERT_EQ(plan->faults.size(), 3U);
  EXPECT_EQ(plan->faults[0].kind, CampaignEntry::Kind::kSingle);
  EXPECT_EQ(plan->faults[0].faults.at(0).flags.at(0).high(), "--cores=0.5");
  EXPECT_EQ(plan->faults[1].kind, CampaignEntry::Kind::kHeavy);
  EXPECT_EQ(plan->faults[2].kind, CampaignEntry::Kind::kWalk);
  ASSERT_TRUE(plan->workload);
  EXPECT_EQ(plan->workload->rate, 80);
}

TEST(CampaignPlan, SaysWhereAndWhatIsWrong) {
  const std::string cpu = "faults: [{fault: cpu}]\n";
  EXPECT_THAT(refusal(kTargets), HasSubstr("faults: a list is wanted"));
  EXPECT_THAT(refusal(cpu), HasSubstr("targets: a list is wanted"));
  EXPECT_THAT(refusal(cpu + "targets: [{}]\n"), HasSubstr("names nothing"));
  EXPECT_THAT(refusal(cpu + "targets: [{servce: api}]\n"), HasSubstr("servce"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{fault: cpi}]\n")),
              HasSubstr("shop.yml:2: faults[0].fault=cpi"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{fault: cpu, core: 1}]\n")), HasSubstr("core"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{fault: cpu, cores: [0.1, 1000]}]\n")),
              HasSubstr("--cores=1000"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{fault: cpu, cores: [2, 1]}]\n")),
              HasSubstr("the lower first"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{fault: cpu, cores: {a: 1}}]\n")),
              HasSubstr("faults[0].cores"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{together: [{fault: cpu}]}]\n")),
              HasSubstr("two faults or more"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{together: [{fault: cpu}, {fault: cpu}]}]\n")),
              HasSubstr("twice"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{heavy_workload: 2}]\n")),
              HasSubstr("workload: missing"));
  EXPECT_THAT(refusal(kTargets + std::string("faults: [{heavy_workload: much}]\n")), HasSubstr("a factor"));
  EXPECT_THAT(refusal("targets: [{service: api}]\nfaults: [{walk: {fault: cpu}}]\n"),
              HasSubstr("two targets or more"));
  EXPECT_THAT(refusal(kTargets + cpu + "workload: {url: 'ftp://x', rate: 1}\n"),
              HasSubstr("workload.url=ftp://x"));
  EXPECT_THAT(refusal(kTargets + cpu + "repeat: 0\n"), HasSubstr("repeat=0"));
  EXPECT_THAT(refusal(kTargets + cpu + "sed: 1\n"), HasSubstr("sed"));
  EXPECT_THAT(refusal("a: [\n"), HasSubstr("shop.yml"));
  EXPECT_THAT(refusal(std::string(2 << 20, ' ')), HasSubstr("at most"));
}

}  // namespace
}  // namespace sonde::inject
