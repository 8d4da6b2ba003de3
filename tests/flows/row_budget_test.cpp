#include "exporter/flows/row_budget.h"

#include <gtest/gtest.h>

#include <random>

namespace sonde::exporter {
namespace {

constexpr auto kLinger = std::chrono::seconds(60);
constexpr auto kBetweenScrapes = std::chrono::seconds(15);

class RowBudgetTest : public testing::Test {
 protected:
  void scrape(const std::vector<std::pair<std::string, uint64_t>>& traffic) {
    now_ += kBetweenScrapes;
    for (const auto& [key, bytes] : traffic) budget_.add(key, bytes);
    budget_.choose(now_);
  }

  RowBudget budget_{3, kLinger};
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(RowBudgetTest, AsLongAsThereIsRoomEveryoneHasARow) {
  scrape({{"a", 1}, {"b", 1'000'000}, {"c", 0}});
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(budget_.has_row(key)) << key;
  EXPECT_EQ(budget_.rows(), 3U);
  EXPECT_EQ(budget_.waiting(), 0U);
}

TEST_F(RowBudgetTest, WhoHasMostTrafficHasTheRows) {
  scrape({{"a", 10}, {"b", 500}, {"c", 300}, {"d", 400}, {"e", 20}});
  EXPECT_TRUE(budget_.has_row("b") && budget_.has_row("c") && budget_.has_row("d"));
  EXPECT_FALSE(budget_.has_row("a") || budget_.has_row("e"));
  EXPECT_EQ(budget_.waiting(), 2U);
}

TEST_F(RowBudgetTest, ALittleMoreTrafficTakesNoRowAway) {
  scrape({{"a", 100}, {"b", 500}, {"c", 300}});
  for (int i = 0; i < 30; ++i) scrape({{"a", 100}, {"b", 500}, {"c", 300}, {"d", 150}});
  EXPECT_TRUE(budget_.has_row("a"));
  EXPECT_FALSE(budget_.has_row("d"));
}

TEST_F(RowBudgetTest, MuchMoreTrafficTakesTheSmallestsRowOnceThatHasLingered) {
  scrape({{"a", 100}, {"b", 500}, {"c", 300}});
  scrape({{"d", 10'000}});
  EXPECT_FALSE(budget_.has_row("a")) << "it leaves";
  EXPECT_FALSE(budget_.has_row("d")) << "the rows of a, b and c are still exported";
  EXPECT_EQ(budget_.rows(), 3U);
  for (int i = 0; i < 3; ++i) {
    scrape({{"a", 1}});
    EXPECT_FALSE(budget_.has_row("a")) << "its row is promised";
  }
  scrape({});
  EXPECT_TRUE(budget_.has_row("d"));
  EXPECT_FALSE(budget_.has_row("a"));
  EXPECT_EQ(budget_.rows(), 3U);
}

TEST_F(RowBudgetTest, TheRowOfAPodThatEndedLingers) {
  scrape({{"a", 100}, {"b", 500}, {"c", 300}});
  budget_.end("b", now_);
  scrape({{"d", 50}});
  EXPECT_FALSE(budget_.has_row("b"));
  EXPECT_FALSE(budget_.has_row("d"));
  now_ += kLinger;
  scrape({{"d", 50}});
  EXPECT_TRUE(budget_.has_row("d"));
}

TEST_F(RowBudgetTest, WhatIsLongPastDoesNotCount) {
  scrape({{"a", 1'000'000}, {"b", 500'000}, {"c", 300'000}});
  now_ += std::chrono::hours(2);  // 24 half-lives
  scrape({{"d", 100}});
  now_ += kLinger;
  scrape({});
  EXPECT_TRUE(budget_.has_row("d"));
}

TEST_F(RowBudgetTest, NeverHasMoreRowsThanItMayWhateverComesAndGoes) {
  std::mt19937 random(23);
  for (int i = 0; i < 500; ++i) {
    std::vector<std::pair<std::string, uint64_t>> traffic;
    for (int n = 0; n < 6; ++n) traffic.emplace_back("k" + std::to_string(random() % 40), random() % 100'000);
    if (random() % 3 == 0) budget_.end("k" + std::to_string(random() % 40), now_);
    scrape(traffic);
    ASSERT_LE(budget_.rows(), 3U) << i;
  }
}

TEST_F(RowBudgetTest, RemembersSoManyThatWaitAndNoMore) {
  std::vector<std::pair<std::string, uint64_t>> traffic;
  for (int i = 0; i < 50'000; ++i) traffic.emplace_back(std::to_string(i), 1000 + i);
  scrape(traffic);
  EXPECT_EQ(budget_.rows(), 3U);
  EXPECT_LE(budget_.waiting(), 1030U);
  EXPECT_TRUE(budget_.has_row("49999"));
}

}  // namespace
}  // namespace sonde::exporter
