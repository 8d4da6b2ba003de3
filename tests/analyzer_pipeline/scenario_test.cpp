// The whole chain of detectors and diagnosis on a made-up shop, many seeds each: who is named, and how often
// somebody is named who should not be.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <optional>

#include "analyzer/config/config.h"
#include "analyzer/pipeline/analysis.h"
#include "analyzer/pipeline/metric_mapper.h"
#include "tests/analyzer_pipeline/synthetic_shop.h"

namespace sonde::analyzer {
namespace {

constexpr unsigned kSeeds = 20;
constexpr int64_t kQuietMs = 90'000;
constexpr int64_t kFaultMs = 40'000;

struct Outcome {
  std::optional<Finding> early;  ///< named before the fault
  std::optional<Finding> first;  ///< named after it
  int64_t delay_ms = 0;
  bool fleet_shift = false;
  bool change_rate_moved = false;
  std::optional<Evidence> wait;  ///< haproxy's for answers, 10 s after kQuietMs
};

bool conclusive(const Finding& finding) {
  return !finding.inconclusive;
}

std::optional<Evidence> wait_in(const Score& score) {
  const auto found = std::ranges::find(score.evidence, "answer_wait", &Evidence::quantity);
  return found == score.evidence.end() ? std::nullopt : std::optional(*found);
}

/// Plays a scenario tick by tick, as the tick loop would.
Outcome play(ShopScenario scenario) {
  scenario.hog_from_ms = kQuietMs;
  SyntheticShop shop(scenario);
  auto mapper = std::make_shared<const MetricMapper>(*MetricMapper::compile(default_config().metric_map));
  AnalysisOptions options;
  options.step_ms = SyntheticShop::kStepMs;
  Analysis analysis(options, mapper);
  Outcome run;
  for (int64_t time = 1000; time <= kQuietMs + kFaultMs; time += SyntheticShop::kStepMs) {
    shop.run_until(time);
    const int64_t now = SyntheticShop::kStartMs + time;
    const ReadQuery query{mapper->selectors(), std::max<int64_t>(analysis.newest_ms() - 4000, 0), now};
    EXPECT_TRUE(
        shop.read(query, [&](const LabelSet& labels, auto samples) { analysis.ingest(labels, samples); }));
    const std::optional<Report> report = analysis.advance(now, now);
    if (!report) continue;
    const bool later = time > kQuietMs;
    run.fleet_shift = run.fleet_shift || (later && report->fleet.shifted);
    for (const Score& score : report->scores) {
      if (score.detector == "change_rate" && score.value > 0) run.change_rate_moved = true;
      const bool soon = time <= kQuietMs + 10'000;
      if (soon && score.detector == "zscore" && score.entity.service == "haproxy") run.wait = wait_in(score);
    }
    const auto found = std::ranges::find_if(report->findings, conclusive);
    if (found == report->findings.end()) continue;
    std::optional<Finding>& slot = later ? run.first : run.early;
    if (!slot) {
      slot = *found;
      run.delay_ms = time - kQuietMs;
    }
  }
  return run;
}

struct Tally {
  unsigned runs = 0;
  unsigned right = 0;
  unsigned early = 0;
  unsigned named = 0;
  unsigned shifts = 0;
  std::vector<int64_t> delays;
};

void print(const char* what, Tally& tally) {
  std::ranges::sort(tally.delays);
  std::cout << what << ": " << tally.runs << " runs, named " << tally.named << ", right " << tally.right
            << ", false alarms before " << tally.early << ", fleet shifts " << tally.shifts;
  if (!tally.delays.empty()) {
    std::cout << ", delay median " << tally.delays[tally.delays.size() / 2] << " ms, longest "
              << tally.delays.back() << " ms";
  }
  std::cout << '\n';
}

void count(Tally& tally, const Outcome& run, const std::string& culprit) {
  ++tally.runs;
  tally.early += run.early ? 1U : 0U;
  tally.shifts += run.fleet_shift ? 1U : 0U;
  if (!run.first) return;
  ++tally.named;
  if (run.first->entity.container != culprit || run.first->fault != "cpu_usage") return;
  ++tally.right;
  tally.delays.push_back(run.delay_ms);
}

TEST(Scenario, ACpuHogIsNamedInWhateverContainerItRuns) {
  Tally tally;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    for (const std::string& container : SyntheticShop::containers()) {
      count(tally, play({.seed = seed, .hog_container = container}), container);
    }
  }
  print("hog of one core", tally);
  EXPECT_GE(tally.right, tally.runs * 95 / 100);
  EXPECT_LE(tally.early, tally.runs * 5 / 100);
}

TEST(Scenario, AHogOfHalfACoreIsNamedToo) {
  Tally tally;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    const std::string& container = SyntheticShop::containers()[seed % SyntheticShop::containers().size()];
    count(tally, play({.seed = seed, .hog_container = container, .hog_cores = 0.5}), container);
  }
  print("hog of half a core", tally);
  EXPECT_GE(tally.right, tally.runs * 95 / 100);
}

TEST(Scenario, NobodyIsNamedWhenNothingHappens) {
  Tally tally;
  for (unsigned seed = 101; seed <= 100 + kSeeds; ++seed) count(tally, play({.seed = seed}), "");
  print("quiet", tally);
  EXPECT_LE(tally.early + tally.named, tally.runs * 5 / 100);
  EXPECT_LE(tally.shifts, tally.runs * 5 / 100);
}

TEST(Scenario, NobodyIsNamedOnAMachineThatIsTwiceAsSlowAtTimes) {
  Tally tally;
  for (unsigned seed = 201; seed <= 200 + kSeeds; ++seed) {
    count(tally, play({.seed = seed, .machine_noise = 0.6}), "");
  }
  print("quiet, noisy machine", tally);
  EXPECT_LE(tally.early + tally.named, tally.runs * 5 / 100);
}

TEST(Scenario, DoubledLoadIsAShiftOfTheFleetAndNobodysFault) {
  Tally tally;
  for (unsigned seed = 301; seed <= 300 + kSeeds; ++seed) {
    count(tally, play({.seed = seed, .load_factor = 2}), "");
  }
  print("doubled load", tally);
  EXPECT_LE(tally.named, tally.runs * 5 / 100);
  EXPECT_GE(tally.shifts, tally.runs * 95 / 100);
}

TEST(Scenario, AHogDuringDoubledLoadIsStillNamed) {
  Tally tally;
  for (unsigned seed = 401; seed <= 400 + kSeeds; ++seed) {
    const std::string& container = SyntheticShop::containers()[seed % SyntheticShop::containers().size()];
    count(tally, play({.seed = seed, .hog_container = container, .load_factor = 2}), container);
  }
  print("hog under doubled load", tally);
  EXPECT_GE(tally.right, tally.runs * 95 / 100);
}

TEST(Scenario, TheReplicasThatTakeOverFromALostOneAreNotNamed) {
  Tally tally;
  unsigned moved = 0;
  for (unsigned seed = 501; seed <= 500 + kSeeds; ++seed) {
    const Outcome run = play({.seed = seed, .lost_container = "api-2"});
    count(tally, run, "");
    moved += run.change_rate_moved ? 1U : 0U;
  }
  print("lost replica", tally);
  EXPECT_EQ(tally.named, 0U);
  EXPECT_EQ(moved, tally.runs);
}

TEST(Scenario, ASlowNetworkIsEvidenceAndNobodysFault) {
  Tally tally;
  for (unsigned seed = 601; seed <= 600 + kSeeds; ++seed) {
    const Outcome run = play({.seed = seed, .network_delay_seconds = 0.01});
    count(tally, run, "");
    ASSERT_TRUE(run.wait);
    EXPECT_GT(run.wait->value, 3 * run.wait->expected);
    EXPECT_GT(run.wait->value, run.wait->expected + 5 * run.wait->deviation);
  }
  print("slow network", tally);
  EXPECT_LE(tally.named, tally.runs * 5 / 100);
}

}  // namespace
}  // namespace sonde::analyzer
