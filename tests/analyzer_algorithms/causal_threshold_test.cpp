#include "analyzer/algorithms/causal_threshold.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "tests/analyzer_algorithms/expected.h"
#include "tests/analyzer_algorithms/series_maker.h"

namespace sonde::analyzer {
namespace {

CausalThreshold after(const std::vector<double>& scores, const CausalThresholdOptions& options = {}) {
  CausalThreshold threshold(options);
  for (const double score : scores) threshold.add(score);
  return threshold;
}

TEST(CausalThreshold, BeforeItHasLearnedTheConfiguredValueCounts) {
  const CausalThreshold threshold = after(made_series(3, 9, 5.0));
  EXPECT_FALSE(threshold.learned());
  EXPECT_EQ(threshold.value(), CausalThresholdOptions{}.before_minimum);
}

TEST(CausalThreshold, OfASmallSampleIsTheMaximumTimesTheMargin) {
  const CausalThreshold threshold = after(made_series(3, 20, 5.0));
  EXPECT_TRUE(threshold.learned());
  EXPECT_NEAR(threshold.value(), expected::kThresholdSmall, 1e-12);
}

TEST(CausalThreshold, OfALargeSampleIsTheQuantile) {
  EXPECT_NEAR(after(made_series(11, 500, 4.0)).value(), expected::kThreshold997, 1e-12);
}

TEST(CausalThreshold, ForgetsTheOldestBeyondItsCapacity) {
  CausalThresholdOptions options;
  options.capacity = 50;
  std::vector<double> scores(50, 100.0);
  const std::vector<double> later = made_series(3, 50, 5.0);
  scores.insert(scores.end(), later.begin(), later.end());
  EXPECT_EQ(after(scores, options).value(), after(later, options).value());
  EXPECT_EQ(after(scores, options).size(), 50U);
}

/// Runs scores through threshold and filter as a detector does; returns how many of them were flagged.
struct ScoreStream {
  CausalThreshold threshold;
  AcceptanceFilter filter;
  std::deque<std::pair<double, bool>> pending;  ///< score, flagged

  bool flag(double score) {
    const bool flagged = score > threshold.value();
    pending.emplace_back(score, flagged);
    if (const std::optional<bool> accepted = filter.push(flagged)) {
      const auto [decided, was_flagged] = pending.front();
      pending.pop_front();
      if (*accepted && was_flagged) threshold.add_exceedance(decided);
      if (*accepted && !was_flagged) threshold.add(decided);
    }
    return flagged;
  }
};

// The tail that is flagged must stay in the estimate: cut off, each re-estimate would cut the next part off.
TEST(CausalThreshold, OnSteadyScoresTheFlaggedShareStaysNearWhatTheQuantileAsksFor) {
  std::mt19937 generator(6);
  std::exponential_distribution<double> exponential(1);
  ScoreStream run;
  int flags = 0;
  constexpr int kScores = 50000;
  for (int i = 0; i < kScores; ++i) flags += run.flag(exponential(generator)) ? 1 : 0;
  EXPECT_NEAR(flags / static_cast<double>(kScores), 0.003, 0.0015);
}

TEST(CausalThreshold, FollowsADriftThatAFixedThresholdFlags) {
  std::mt19937 generator(5);
  std::exponential_distribution<double> exponential(1);
  ScoreStream run{CausalThreshold({.capacity = 1000}), {}, {}};
  double fixed = 0;
  int causal_flags = 0;
  int fixed_flags = 0;
  constexpr int kScores = 20000;
  for (int i = 0; i < kScores; ++i) {
    const double score = exponential(generator) + 0.001 * i;
    if (i == 1000) fixed = run.threshold.value();
    const bool flagged = run.flag(score);
    if (i >= 1000) {
      causal_flags += flagged ? 1 : 0;
      fixed_flags += score > fixed ? 1 : 0;
    }
  }
  EXPECT_LT(causal_flags, 0.01 * (kScores - 1000));
  EXPECT_GT(fixed_flags, 0.5 * (kScores - 1000));
}

TEST(CausalThreshold, AFaultDoesNotRaiseTheBarForItself) {
  std::mt19937 generator(7);
  std::exponential_distribution<double> exponential(1);
  ScoreStream run;
  for (int i = 0; i < 100; ++i) run.flag(exponential(generator));
  const double before = run.threshold.value();
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(run.flag(10 * before));
  EXPECT_LE(run.threshold.value(), before);
}

// Few scores or many: a spike of any size moves the bar by half at most.
TEST(CausalThreshold, ALoneSpikeHardlyRaisesTheBar) {
  for (const size_t scores : {5, 60, 332, 333, 500}) {
    CausalThreshold threshold = after(made_series(3, scores, 5.0));
    const double before = threshold.value();
    threshold.add_exceedance(1000 * before);
    EXPECT_LE(threshold.value(), CausalThreshold::kLargestRise * before) << scores;
    EXPECT_EQ(threshold.size(), scores + 1);
  }
}

TEST(CausalThreshold, AnExceedanceThatIsNotFarOffEntersAsItIs) {
  CausalThreshold threshold = after(std::vector<double>(400, 1.0));
  for (int i = 0; i < 400; ++i) threshold.add_exceedance(1.25);
  EXPECT_EQ(threshold.value(), 1.25);
}

// Capped at the threshold itself, a bar of many scores could never rise.
TEST(CausalThreshold, ABarThatIsTooLowRisesByLoneExceedances) {
  std::mt19937 generator(8);
  std::exponential_distribution<double> exponential(1);
  ScoreStream run;
  for (int i = 0; i < 500; ++i) run.flag(exponential(generator));
  int flags = 0;
  for (int i = 0; i < 4000; ++i) flags += run.flag(2 * exponential(generator)) && i >= 3000 ? 1 : 0;
  EXPECT_LT(flags, 15) << "of 1,000, nominally 3";
}

TEST(AcceptanceFilter, AcceptsQuietColumnsAndALoneExceedance) {
  AcceptanceFilter filter;
  std::vector<bool> accepted;
  for (const bool flagged : {false, false, false, true, false, false, false}) {
    if (const std::optional<bool> word = filter.push(flagged)) accepted.push_back(*word);
  }
  EXPECT_EQ(accepted, std::vector<bool>({true, true, true, true, true}));
}

TEST(AcceptanceFilter, RejectsEveryFlaggedColumnOfAnEpisodeItsFirstToo) {
  AcceptanceFilter filter;
  std::vector<bool> accepted;
  for (const bool flagged : {false, true, true, false, true, false, false, false}) {
    if (const std::optional<bool> word = filter.push(flagged)) accepted.push_back(*word);
  }
  EXPECT_EQ(accepted, std::vector<bool>({true, false, false, true, false, true}));
}

}  // namespace
}  // namespace sonde::analyzer
