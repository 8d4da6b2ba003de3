#include "analyzer/algorithms/decision_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "analyzer/algorithms/rank_sort.h"

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;

DecisionTree tree_of(const LabelledRows& rows, size_t max_depth, std::vector<double> weights = {}) {
  const RankedColumns ranked(rows);
  std::vector<uint32_t> all(rows.rows());
  std::iota(all.begin(), all.end(), 0U);
  if (weights.empty()) weights.assign(rows.rows(), 1);
  std::mt19937_64 random(0);
  return {TreeSample{&rows, &ranked, all, std::move(weights)}, max_depth, rows.columns, random};
}

std::vector<double> shares_at(const DecisionTree& tree, std::vector<double> row) {
  const auto shares = tree.shares(row);
  return {shares.begin(), shares.end()};
}

TEST(DecisionTreeTest, SplitsHalfWayBetweenTheClasses) {
  const DecisionTree tree = tree_of({1, 2, {1, 2, 4, 5}, {0, 0, 1, 1}}, 5);
  EXPECT_THAT(shares_at(tree, {3}), ElementsAre(1, 0));
  EXPECT_THAT(shares_at(tree, {3.001}), ElementsAre(0, 1));
}

TEST(DecisionTreeTest, TakesTheColumnThatTells) {
  // The first column says nothing, the second does.
  const DecisionTree tree = tree_of({2, 2, {1, 9, 1, 1, 2, 8, 2, 2}, {0, 1, 0, 1}}, 1);
  EXPECT_THAT(shares_at(tree, {1, 9}), ElementsAre(1, 0));
  EXPECT_THAT(shares_at(tree, {1, 1}), ElementsAre(0, 1));
}

TEST(DecisionTreeTest, AtTheDepthLimitALeafHoldsShares) {
  const DecisionTree tree = tree_of({1, 2, {1, 2, 3, 4}, {0, 1, 0, 1}}, 1);
  // Gini is least where one row is split off: {0} and {1, 0, 1}, or {0, 1, 0} and {1}, of which the first is
  // met first.
  EXPECT_THAT(shares_at(tree, {1}), ElementsAre(1, 0));
  EXPECT_THAT(shares_at(tree, {4}), ElementsAre(1 / 3.0, 2 / 3.0));
}

TEST(DecisionTreeTest, WeightsCountAsRows) {
  const DecisionTree tree = tree_of({1, 2, {1, 1}, {0, 1}}, 5, {3, 1});  // nothing to split by
  EXPECT_THAT(shares_at(tree, {1}), ElementsAre(0.75, 0.25));
}

TEST(DecisionTreeTest, NeighbouringNumbersAreToldApart) {
  const double lower = 1;
  const double upper = std::nextafter(lower, 2);
  const DecisionTree tree = tree_of({1, 2, {lower, upper}, {0, 1}}, 5);
  EXPECT_THAT(shares_at(tree, {lower}), ElementsAre(1, 0));
  EXPECT_THAT(shares_at(tree, {upper}), ElementsAre(0, 1));
}

TEST(DecisionTreeTest, EveryRowThatWasLearntIsToldWhereDepthAllows) {
  std::mt19937_64 random(3);
  LabelledRows rows{3, 5, {}, {}};
  for (size_t i = 0; i < 2000; ++i) {  // more than what is sorted without a radix
    for (int column = 0; column < 3; ++column)
      rows.features.push_back(static_cast<double>(random() % 100'000));
    rows.classes.push_back(static_cast<uint32_t>(random() % 5));
  }
  const DecisionTree tree = tree_of(rows, 100);
  for (size_t i = 0; i < rows.rows(); ++i) EXPECT_EQ(tree.shares(rows.row(i))[rows.classes[i]], 1);
}

TEST(RankSort, SortsFewAndManyRowsOfAnyRank) {
  std::mt19937_64 random(1);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{5000}}) {
    for (const uint32_t largest : {0U, 1U, 2047U, 2048U, 5'000'000U}) {
      std::vector<RankedRow> rows;
      for (uint32_t i = 0; i < count; ++i) {
        rows.push_back({static_cast<uint32_t>(random() % (uint64_t{largest} + 1)), i});
      }
      std::vector<uint32_t> expected(count);
      std::ranges::transform(rows, expected.begin(), &RankedRow::rank);
      std::ranges::sort(expected);
      const std::vector<RankedRow> before = rows;
      std::vector<RankedRow> scratch;
      sort_by_rank(rows, scratch, largest);
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(rows[i].rank, expected[i]);
        EXPECT_EQ(before[rows[i].row].rank, rows[i].rank) << "a rank stays with its row";
      }
    }
  }
}

}  // namespace
}  // namespace sonde::analyzer
