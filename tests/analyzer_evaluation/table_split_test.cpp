#include "analyzer/evaluation/table_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sonde::analyzer {
namespace {

using ::testing::HasSubstr;

/// Runs of 10 rows each; the first half of each is normal, the rest has the run's own fault.
LabelledTable table_of_runs(const std::vector<std::string>& faults) {
  LabelledTable table;
  table.columns = {"value"};
  for (size_t run = 0; run < faults.size(); ++run) {
    for (int i = 0; i < 10; ++i) {
      table.cells.push_back(static_cast<double>(run * 10) + i);
      table.labels.push_back(i < 5 ? "normal" : faults[run]);
      table.groups.push_back("run " + std::to_string(run));
    }
  }
  return table;
}

TEST(TableSplitTest, EachRowIsInOnePart) {
  const LabelledTable table = table_of_runs({"cpu", "mem", "cpu"});
  const auto split = split_rows(table, 0.2, 1);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->test.rows(), 6U);
  std::multiset<double> values(split->train.cells.begin(), split->train.cells.end());
  values.insert(split->test.cells.begin(), split->test.cells.end());
  EXPECT_EQ(values, std::multiset<double>(table.cells.begin(), table.cells.end()));
  EXPECT_EQ(split_rows(table, 0.2, 1)->test.cells, split->test.cells);
  EXPECT_NE(split_rows(table, 0.2, 2)->test.cells, split->test.cells);
}

TEST(TableSplitTest, NoGroupIsInBothPartsAndEachFaultIsInEach) {
  const LabelledTable table = table_of_runs({"cpu", "cpu", "cpu", "mem", "mem", "mem"});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto split = split_groups(table, 0.34, seed);
    ASSERT_TRUE(split);
    const std::set<std::string> train(split->train.groups.begin(), split->train.groups.end());
    const std::set<std::string> test(split->test.groups.begin(), split->test.groups.end());
    EXPECT_EQ(train.size(), 4U);
    EXPECT_EQ(test.size(), 2U);
    for (const std::string& group : test) EXPECT_FALSE(train.contains(group));
    for (const LabelledTable* const part : {&split->train, &split->test}) {
      EXPECT_EQ(std::set<std::string>(part->labels.begin(), part->labels.end()),
                (std::set<std::string>{"cpu", "mem", "normal"}));
    }
  }
}

TEST(TableSplitTest, ATableOfOneLabelIsRefusedWithTheRemedy) {
  const LabelledTable table = table_of_runs({"normal", "normal", "normal"});
  for (const auto& split : {split_rows(table, 0.2, 1), split_groups(table, 0.34, 1)}) {
    ASSERT_FALSE(split);
    EXPECT_EQ(split.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(split.error().message, HasSubstr("every row has the label normal"));
    EXPECT_THAT(split.error().message, HasSubstr("label rows by faults of sonde-inject"));
  }
}

TEST(TableSplitTest, TheFirstNormalRowsAreForCalibration) {
  const LabelledTable table = table_of_runs({"cpu", "mem"});
  const auto split = split_calibration(table, 7, "b.csv");
  ASSERT_TRUE(split);
  EXPECT_THAT(split->calibration.cells, ::testing::ElementsAre(0, 1, 2, 3, 4, 10, 11));
  EXPECT_EQ(split->test.rows(), 13U);
  EXPECT_EQ(split->test.cells.front(), 5);
  EXPECT_EQ(rows_labelled(split->test, kNormalLabel).cells, (std::vector<double>{12, 13, 14}));
}

TEST(TableSplitTest, TooFewNormalRowsAreNamed) {
  const auto split = split_calibration(table_of_runs({"cpu", "mem"}), 11, "b.csv");
  ASSERT_FALSE(split);
  EXPECT_THAT(split.error().message, HasSubstr("b.csv: 10 rows are labelled normal"));
  EXPECT_THAT(split.error().message, HasSubstr("--calibration-rows=11"));
}

TEST(TableSplitTest, WhatCannotBeSplitIsNamed) {
  EXPECT_THAT(split_groups(table_of_runs({"cpu", "cpu", "mem"}), 0.2, 0).error().message,
              HasSubstr("the label mem has one group only, run 2"));
  EXPECT_THAT(split_rows(table_of_runs({"cpu"}), 0.01, 0).error().message,
              HasSubstr("a part would be empty"));
}

}  // namespace
}  // namespace sonde::analyzer
