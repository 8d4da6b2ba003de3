#include "analyzer/series/frame_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::NanSensitiveDoubleEq;

auto gap() {
  return NanSensitiveDoubleEq(kGap);
}

LabelSet container(const std::string& pod, const std::string& service) {
  return LabelSet({{"__name__", "cpu"}, {"pod", pod}, {"service", service}});
}

/// A frame with the rows given, at 0 s, 1 s …
Frame frame_of(const std::vector<std::pair<LabelSet, std::vector<double>>>& rows) {
  Frame frame;
  frame.step_ms = 1000;
  for (const auto& [labels, values] : rows) {
    frame.columns = values.size();
    frame.series.push_back(labels);
    frame.values.insert(frame.values.end(), values.begin(), values.end());
  }
  return frame;
}

TEST(FrameBuilder, LaysSeriesOnTheGridInTheOrderTheyCame) {
  FrameBuilder builder({1000, 1000, 3}, SeriesKind::kGauge, 1000);
  builder.add(container("b", "x"), std::vector<Sample>{{1000, 1}, {3000, 3}});
  builder.add(container("a", "x"), std::vector<Sample>{{2000, 5}});
  const Frame frame = builder.take();
  ASSERT_EQ(frame.rows(), 2U);
  EXPECT_EQ(frame.start_ms, 1000);
  EXPECT_EQ(frame.step_ms, 1000);
  EXPECT_EQ(frame.series[0].get("pod"), "b");
  EXPECT_THAT(frame.row(0), ElementsAre(1, 1, 3));
  EXPECT_THAT(frame.row(1), ElementsAre(gap(), 5, 5));
}

TEST(FrameBuilder, CountersBecomeRates) {
  FrameBuilder builder({0, 1000, 2}, SeriesKind::kCounter, 5000);
  builder.add(container("a", "x"), std::vector<Sample>{{0, 1}, {1000, 4}});
  EXPECT_THAT(builder.take().row(0), ElementsAre(gap(), 3));
}

TEST(FrameBuilder, ASeriesWithoutAValueOnTheGridMakesNoRow) {
  FrameBuilder builder({10'000, 1000, 2}, SeriesKind::kGauge, 1000);
  builder.add(container("gone", "x"), std::vector<Sample>{{1000, 1}});
  builder.add(container("here", "x"), std::vector<Sample>{{10'000, 2}});
  const Frame frame = builder.take();
  ASSERT_EQ(frame.rows(), 1U);
  EXPECT_EQ(frame.series[0].get("pod"), "here");
  EXPECT_EQ(frame.values.size(), 2U);
}

TEST(FrameBuilder, IsEmptyAfterTake) {
  FrameBuilder builder({0, 1000, 1}, SeriesKind::kGauge, 1000);
  builder.add(container("a", "x"), std::vector<Sample>{{0, 1}});
  EXPECT_EQ(builder.take().rows(), 1U);
  EXPECT_EQ(builder.take().rows(), 0U);
}

const std::vector<std::string> kByService = {"service"};

TEST(SumBy, AddsTheRowsThatAgree) {
  const Frame sum = sum_by(frame_of({{container("a-1", "a"), {1, 2}},
                                     {container("b-1", "b"), {10, 20}},
                                     {container("a-2", "a"), {3, 4}}}),
                           kByService);
  ASSERT_EQ(sum.rows(), 2U);
  EXPECT_EQ(sum.series[0].text(), R"({service="a"})");
  EXPECT_THAT(sum.row(0), ElementsAre(4, 6));
  EXPECT_THAT(sum.row(1), ElementsAre(10, 20));
  EXPECT_EQ(sum.step_ms, 1000);
}

TEST(SumBy, AReplicaThatComesOrGoesAddsNothingOutsideItsLife) {
  const Frame sum = sum_by(
      frame_of({{container("a-1", "a"), {1, 1, 1, 1}}, {container("a-2", "a"), {kGap, 5, kGap, kGap}}}),
      kByService);
  EXPECT_THAT(sum.row(0), ElementsAre(1, 6, 1, 1));
}

TEST(SumBy, AGapWithinAReplicasLifeIsAGapOfTheSum) {
  const Frame sum = sum_by(
      frame_of({{container("a-1", "a"), {1, 1, 1}}, {container("a-2", "a"), {5, kGap, 5}}}), kByService);
  EXPECT_THAT(sum.row(0), ElementsAre(6, gap(), 6));
}

TEST(SumBy, WhereNoReplicaIsThereIsAGap) {
  const Frame sum = sum_by(frame_of({{container("a-1", "a"), {kGap, 1, kGap}}}), kByService);
  EXPECT_THAT(sum.row(0), ElementsAre(gap(), 1, gap()));
}

TEST(SumBy, DoesNotDependOnTheOrderOfTheRows) {
  const std::vector<double> whole = {1, 2, 4, 8};
  const std::vector<double> holed = {kGap, 16, kGap, 32};
  const Frame one =
      sum_by(frame_of({{container("a", "s"), whole}, {container("b", "s"), holed}}), kByService);
  const Frame other =
      sum_by(frame_of({{container("b", "s"), holed}, {container("a", "s"), whole}}), kByService);
  EXPECT_THAT(one.row(0), ElementsAre(1, 18, gap(), 40));
  EXPECT_THAT(other.row(0), ElementsAre(1, 18, gap(), 40));
}

}  // namespace
}  // namespace sonde::analyzer
