#include "inject/campaign/campaign_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/duration.h"

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
  EXPECT_THAT(refusal(cpu + "targets: [{service: api, replica: all}]\n"),
              HasSubstr("shop.yml:2: targets[0]: --replica=all: one container is disturbed at a time"));
  EXPECT_THAT(refusal(cpu + "targets: [{service: api, cgroup: /shop/api-1}]\n"), HasSubstr("one way"));
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
  for (const char* factor : {"much", "1", "[0.5, 3]"}) {
    EXPECT_THAT(refusal(fmt::format("{}faults: [{{heavy_workload: {}}}]\n", kTargets, factor)),
                HasSubstr("a factor above 1"));
  }
  EXPECT_THAT(refusal("targets: [{service: api}]\nfaults: [{walk: {fault: cpu}}]\n"),
              HasSubstr("two targets or more"));
  EXPECT_THAT(refusal(kTargets + cpu + "workload: {url: 'ftp://x', rate: 1}\n"),
              HasSubstr("workload.url=ftp://x"));
  EXPECT_THAT(refusal(kTargets + cpu + "repeat: 0\n"), HasSubstr("repeat=0"));
  EXPECT_THAT(refusal(kTargets + cpu + "sed: 1\n"), HasSubstr("sed"));
  EXPECT_THAT(refusal("a: [\n"), HasSubstr("shop.yml"));
  EXPECT_THAT(refusal(std::string(2 << 20, ' ')), HasSubstr("at most"));
}

TEST(CampaignPlan, SaysWhereAFlagBelongsThatIsNoneOfTheFault) {
  const auto said = [](const std::string& fault) {
    return refusal(fmt::format("{}faults: [{{{}}}]\n", kTargets, fault));
  };
  EXPECT_THAT(said("fault: cpu, duration: 5s"), HasSubstr("faults[0].duration: injection_duration says it"));
  EXPECT_THAT(said("fault: cpu, cgroup: /a"), HasSubstr("faults[0].cgroup: belongs under targets"));
  EXPECT_THAT(said("fault: cpu, web.listen-address: ':1'"), HasSubstr("a flag of the campaign"));
  EXPECT_THAT(said("fault: cpu, min_effect: 0.3"), HasSubstr("write min-effect"));
  EXPECT_THAT(said("fault: loss, loss: 5%"), HasSubstr("(see sonde-inject loss --help)"));
  EXPECT_THAT(said("cores: 1"), HasSubstr("faults[0].fault: missing: use one of cpu, "));
  EXPECT_THAT(said("fault: cpu, cores: [2, 1]"), HasSubstr("[2, 1] is no range"));
}

TEST(CampaignPlan, TheExampleIsTheDocumentedFileAndGood) {
  std::ifstream file(SONDE_SOURCE_DIR "/docs/campaign.yml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, campaign_example());
  const auto plan = parse_campaign(text, "docs/campaign.yml");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->faults.size(), 5U);
  // What the comments show is read too.
  std::string with_comments = text;
  for (const char* kind : {"together", "walk"}) {
    const size_t at = with_comments.find(fmt::format("#  - {}:", kind));
    ASSERT_NE(at, std::string::npos) << kind;
    with_comments.erase(at, 1);
  }
  const size_t note = with_comments.find("# Two that teach nothing");
  const auto all =
      parse_campaign(with_comments.erase(note, with_comments.find('\n', note) + 1 - note), "all.yml");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->faults.size(), 7U);
}

TEST(CampaignPlan, TheExampleSaysEachDefault) {
  const std::string text(campaign_example());
  const auto plan = parse_campaign("targets: [{service: api}]\nfaults: [{fault: cpu}]\n", "least.yml");
  ASSERT_TRUE(plan) << plan.error().message;
  const auto said = [&](const std::string& key) {
    const size_t at = text.find("\n" + key + ":");
    const size_t note = text.find("Default: ", at) + 9;
    return text.substr(note, text.find_first_of(",\n", note) - note);
  };
  EXPECT_EQ(said("seed"), std::to_string(plan->seed));
  EXPECT_EQ(said("order"), plan->random_order ? "random" : "listed");
  EXPECT_EQ(said("repeat"), std::to_string(plan->repeat));
  EXPECT_EQ(said("warm_up"), duration_text(plan->warm_up));
  EXPECT_EQ(said("injection_duration"), duration_text(plan->injection_duration));
  EXPECT_EQ(said("pause_time"), duration_text(plan->pause_time));
}

}  // namespace
}  // namespace sonde::inject
