#include "exporter/container_totals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

/// Rows of one counter; the clock is the test's.
class ContainerTotalsTest : public testing::Test {
 protected:
  CountOwner owner(uint64_t life, const std::string& container, bool alive = true, uint32_t number = 1) {
    const auto labels_of = [this](const std::string& name, const std::string& value) {
      return &labels_.try_emplace(name + value, metrics::Labels{{name, value}}).first->second;
    };
    return {life, labels_of("container", container), labels_of("service", container.substr(0, 1)), alive,
            number};
  }
  void scrape(const std::vector<CountOwner>& owners, const std::map<uint64_t, uint64_t>& increments) {
    totals_.begin(owners, now_);
    for (const auto& [life, increment] : increments) totals_.add(life, {&increment, 1});
    totals_.finish(now_);
  }
  static std::map<std::string, uint64_t> values(std::span<const ContainerTotals::Row* const> rows) {
    std::map<std::string, uint64_t> values;
    for (const ContainerTotals::Row* row : rows) {
      EXPECT_TRUE(values.emplace(row->labels.text(), row->totals[0]).second) << "twice";
    }
    return values;
  }
  std::map<std::string, uint64_t> rows() const { return values(totals_.rows()); }
  std::map<std::string, uint64_t> ended() const { return values(totals_.ended()); }

  ContainerTotals totals_{1, {.linger = std::chrono::seconds(60), .most_ended = 5}};
  std::map<std::string, metrics::Labels> labels_;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(ContainerTotalsTest, ARowLingersAfterItsContainerEndedAndGoes) {
  scrape({owner(1, "a1")}, {{1, 23}});
  now_ += std::chrono::seconds(10);
  scrape({}, {});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 23)));
  now_ += std::chrono::seconds(60);
  scrape({}, {});
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(ContainerTotalsTest, WhereManyEndTheLatestLingerAndEachIsToldOnce) {
  ContainerTotals totals(1, {.most_lingering = 2});
  const auto scrape_with = [&](const std::vector<CountOwner>& owners, uint64_t increment) {
    now_ += std::chrono::seconds(5);
    totals.begin(owners, now_);
    for (const CountOwner& one : owners) totals.add(one.life, {&increment, 1});
    totals.finish(now_);
  };
  const auto dead = [&](uint64_t life) { return owner(life, "a" + std::to_string(life), false); };
  scrape_with({owner(1, "a1"), owner(2, "a2"), owner(3, "a3")}, 23);
  scrape_with({dead(1), dead(2), dead(3)}, 2);
  EXPECT_THAT(values(totals.rows()), ElementsAre(Pair("container=\"a1\"", 25), Pair("container=\"a2\"", 25),
                                                 Pair("container=\"a3\"", 25)));
  scrape_with({dead(1), dead(2), dead(3), dead(4), dead(5), dead(6)}, 0);
  EXPECT_EQ(totals.rows().size(), 5U) << "three that are new, and two";
  scrape_with({dead(1), dead(2), dead(3), dead(4), dead(5), dead(6)}, 0);
  ASSERT_EQ(totals.rows().size(), 2U);
  for (const auto& [labels, count] : values(totals.rows())) EXPECT_GE(labels, "container=\"a4\"");
  scrape_with({}, 0);
  EXPECT_EQ(totals.rows().size(), 2U) << "none of the others comes back";
  scrape_with({owner(7, "a1")}, 1);
  EXPECT_EQ(values(totals.rows()).at("container=\"a1\""), 26) << "a successor goes on";
}

TEST_F(ContainerTotalsTest, TheRowOfManyStaysWhereManyEnd) {
  ContainerTotals totals(1, {.most_lingering = 0});
  const uint64_t count = 23;
  std::vector<CountOwner> ended{owner(1, "~other", false), owner(2, "a2", false)};
  ended[0].of_many = true;
  for (const size_t rows : {2U, 1U}) {
    now_ += std::chrono::seconds(5);
    totals.begin(ended, now_);
    for (const CountOwner& one : ended) totals.add(one.life, {&count, 1});
    totals.finish(now_);
    EXPECT_EQ(totals.rows().size(), rows);
  }
  EXPECT_THAT(values(totals.rows()), ElementsAre(Pair("container=\"~other\"", 46)));
}

TEST_F(ContainerTotalsTest, ARowThatBeginsAtZeroIsToldByItsSecondScrape) {
  ContainerTotals totals(1, {.most_lingering = 0, .begin_at_zero = true});
  const uint64_t count = 23;
  const std::vector<CountOwner> ended{owner(1, "a1", false)};
  totals.begin(ended, now_);
  totals.add(1, {&count, 1});
  totals.finish(now_);
  EXPECT_THAT(values(totals.rows()), ElementsAre(Pair("container=\"a1\"", 0)));
  for (const bool shown : {true, false}) {
    now_ += std::chrono::seconds(5);
    totals.begin(ended, now_);
    totals.finish(now_);
    EXPECT_EQ(totals.rows().size(), shown ? 1U : 0U);
    if (shown) {
      EXPECT_THAT(values(totals.rows()), ElementsAre(Pair("container=\"a1\"", 23)));
    }
  }
}

TEST_F(ContainerTotalsTest, ASuccessorGoesOnFromTheFinals) {
  scrape({owner(1, "a1")}, {{1, 23}});
  scrape({owner(2, "a1")}, {{2, 2}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 25)));
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 23))) << "what the first one counted, once";
  scrape({}, {});
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 25)));
}

TEST_F(ContainerTotalsTest, TheRowOfAServicesEndedContainersStartsAtZero) {
  scrape({owner(1, "a1", false)}, {{1, 23}});  // it came and went before this scrape
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 23)));
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 0)));
  scrape({}, {});
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 23)));
  now_ += std::chrono::hours(5);
  scrape({}, {});
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 23))) << "it stays";
}

TEST_F(ContainerTotalsTest, RowsThatBeginAtZeroShowWhatTheyCountedByThenAtTheNextScrape) {
  totals_ = ContainerTotals(1, {.linger = std::chrono::seconds(60), .begin_at_zero = true});
  scrape({owner(1, "a1")}, {{1, 23}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 0)));
  scrape({owner(1, "a1")}, {{1, 2}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 25)));
  scrape({owner(2, "a1"), owner(3, "a3")}, {{2, 1}, {3, 7}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 26), Pair("container=\"a3\"", 0)))
      << "a successor's row is none that appears";
  scrape({}, {});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 26), Pair("container=\"a3\"", 7)))
      << "what ended at once is seen too";
}

TEST_F(ContainerTotalsTest, WhatAnEndedContainerStillCountsIsAddedToBoth) {
  scrape({owner(1, "a1")}, {{1, 20}});
  scrape({owner(1, "a1", false)}, {{1, 3}});
  scrape({owner(1, "a1", false)}, {{1, 4}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 27)));
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 27)));
}

TEST_F(ContainerTotalsTest, ForgetsTheOldestOfTooManyThatEnded) {
  for (uint64_t life = 1; life <= 8; ++life) {
    now_ += std::chrono::seconds(1);
    scrape({owner(life, "a" + std::to_string(life), false)}, {{life, 1}});
  }
  EXPECT_EQ(rows().size(), 5U);
  EXPECT_FALSE(rows().contains("container=\"a3\""));
  EXPECT_TRUE(rows().contains("container=\"a8\""));
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 8)));
  EXPECT_FALSE(totals_.add(1, std::array{uint64_t{1}}));
}

TEST_F(ContainerTotalsTest, WhoLivedLongIsNotForgottenBeforeThoseThatCameAndWentEarlier) {
  std::vector<CountOwner> first{owner(1, "old")};
  for (uint64_t life = 2; life <= 6; ++life) first.push_back(owner(life, "a" + std::to_string(life), false));
  scrape(first, {{1, 23}});
  now_ += std::chrono::seconds(1);
  // The latest five that ended: it, and four that nobody saw alive.
  std::vector<CountOwner> second{owner(1, "old", false)};
  for (uint64_t life = 7; life <= 10; ++life)
    second.push_back(owner(life, "b" + std::to_string(life), false));
  for (int scrapes = 0; scrapes < 3; ++scrapes) {
    scrape(second, {});
    ASSERT_TRUE(rows().contains("container=\"old\"")) << scrapes;
    EXPECT_EQ(rows()["container=\"old\""], 23U);
  }
}

TEST_F(ContainerTotalsTest, OfThoseThatTablesNameNoMoreWhoEndedFirstIsForgottenFirst) {
  scrape({owner(1, "old"), owner(2, "a2", false), owner(3, "a3", false), owner(4, "a4", false)}, {{1, 23}});
  now_ += std::chrono::seconds(1);
  scrape({owner(1, "old", false)}, {});  // the first that came is the last that ended
  scrape({owner(5, "b5", false), owner(6, "b6", false)}, {});
  EXPECT_EQ(rows().size(), 5U);
  EXPECT_TRUE(rows().contains("container=\"old\""));
}

TEST_F(ContainerTotalsTest, WhomTablesStillNameIsNotForgottenHoweverManyEnded) {
  std::vector<CountOwner> owners;
  for (uint64_t life = 1; life <= 8; ++life) owners.push_back(owner(life, "a" + std::to_string(life), false));
  scrape(owners, {{1, 23}});
  scrape(owners, {});
  EXPECT_EQ(rows()["container=\"a1\""], 23U) << "it would begin again from 0";
  EXPECT_EQ(rows().size(), 8U);
  scrape({}, {});
  EXPECT_EQ(rows().size(), 5U);
}

TEST_F(ContainerTotalsTest, UnderANewNameAContainersRowGoesOnAndTheOldOneGoesAtOnce) {
  scrape({owner(1, "x"), owner(2, "a1")}, {{1, 23}, {2, 4}});
  scrape({owner(1, "b1", true, 2), owner(2, "a1")}, {{1, 2}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 4), Pair("container=\"b1\"", 25)));
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 0), Pair("service=\"b\"", 0)));
  scrape({owner(1, "b1", false, 2)}, {{1, 3}});
  EXPECT_THAT(ended(), ElementsAre(Pair("service=\"a\"", 4), Pair("service=\"b\"", 28)));
}

TEST_F(ContainerTotalsTest, ANewNameThatWasAnothersRisesByWhatWasCountedBefore) {
  scrape({owner(1, "a1")}, {{1, 100}});
  scrape({owner(2, "x")}, {{2, 23}});
  scrape({owner(2, "a1", true, 2)}, {});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 123)));
}

TEST_F(ContainerTotalsTest, ARowThatOthersHaveCountedInStaysUnderItsName) {
  scrape({owner(1, "x"), owner(2, "x")}, {{1, 23}, {2, 4}});
  scrape({owner(1, "a1", true, 2), owner(2, "x")}, {{1, 2}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 2), Pair("container=\"x\"", 27)));
  scrape({owner(1, "a1", true, 2)}, {});
  scrape({owner(1, "a1", true, 2), owner(3, "x")}, {{3, 1}});
  scrape({owner(1, "a1", true, 2), owner(3, "b1", true, 2)}, {{3, 1}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 2), Pair("container=\"b1\"", 1),
                                  Pair("container=\"x\"", 28)));
}

TEST_F(ContainerTotalsTest, WhatWasCountedInTheRowOfManyStaysThereWhenOneGetsItsOwn) {
  scrape({owner(1, "~other", true, 0)}, {{1, 23}});
  scrape({owner(1, "a1", true, 2)}, {{1, 2}});
  EXPECT_THAT(rows(), ElementsAre(Pair("container=\"a1\"", 2), Pair("container=\"~other\"", 23)));
}

TEST_F(ContainerTotalsTest, ServicesPastTheBoundShareARowAndTheirEndsAreCounted) {
  const RowRetention retention{.most_services = 2};
  ContainerTotals totals(1, retention);
  ContainerTotals others(1, retention);  // of another collector, which has seen less
  const auto scrape_both = [&](const std::vector<CountOwner>& owners, uint64_t increment) {
    totals.begin(owners, now_);
    for (const CountOwner& one : owners) totals.add(one.life, {&increment, 1});
    totals.finish(now_);
    others.begin(std::span(owners).first(std::min<size_t>(owners.size(), 3)), now_);
    others.finish(now_);
  };
  scrape_both({owner(1, "a1"), owner(2, "b1"), owner(3, "c1"), owner(4, "d1"), owner(5, "d2")}, 23);
  EXPECT_EQ(*retention.ended_unlisted, 0U);
  scrape_both({owner(5, "d2"), owner(6, "a2")}, 2);
  EXPECT_THAT(values(totals.ended()), ElementsAre(Pair("namespace=\"\",service=\"~other\"", 46),
                                                  Pair("service=\"a\"", 23), Pair("service=\"b\"", 23)));
  EXPECT_EQ(*retention.ended_unlisted, 2U) << "c1 and d1";
  scrape_both({}, 0);
  EXPECT_EQ(*retention.ended_unlisted, 3U) << "d2; a2's service has its row";
}

/// Containers come without a name and get one, come, go, take labels over and change between a row of their
/// own and a common one at every scrape: every row rises, the increases add up to what was counted, and so do
/// the ended ones'. Rows of no name go with it.
TEST_F(ContainerTotalsTest, NoRowFallsAndNothingIsLostOrDoubledWhereMembershipChangesAtEveryScrape) {
  std::mt19937_64 random(7);
  ContainerTotals totals(1, {.linger = std::chrono::hours(1), .most_ended = 100'000});
  std::map<uint64_t, std::string> alive;
  std::map<std::string, uint64_t> before;
  uint64_t next_life = 1;
  uint64_t counted = 0;
  uint64_t counted_by_ended = 0;
  std::map<uint64_t, uint64_t> counted_of;
  std::set<uint64_t> named_lives;
  for (int i = 0; i < 300; ++i) {
    now_ += std::chrono::milliseconds(100);
    std::vector<CountOwner> owners;
    std::erase_if(alive, [&](const auto& one) {
      if (random() % 3 != 0) return false;
      counted_by_ended += counted_of[one.first];
      return true;
    });
    while (alive.size() < 10) alive[next_life++] = "a" + std::to_string(random() % 20);
    for (const auto& [life, name] : alive) {
      const bool named = named_lives.contains(life) || (random() % 2 == 0 && named_lives.insert(life).second);
      if (random() % 4 == 0) {
        owners.push_back(owner(life, "~other", true, 0));
      } else {
        owners.push_back(named ? owner(life, name, true, 2) : owner(life, "unnamed" + std::to_string(life)));
      }
    }
    totals.begin(owners, now_);
    for (const auto& [life, name] : alive) {
      const uint64_t increment = random() % 100;
      EXPECT_TRUE(totals.add(life, {&increment, 1}));
      counted += increment;
      counted_of[life] += increment;
    }
    totals.finish(now_);
    const auto now = values(totals.rows());
    uint64_t sum = 0;
    for (const auto& [labels, value] : now) {
      EXPECT_GE(value, before[labels]) << labels;
      sum += value;
    }
    EXPECT_EQ(sum, counted);
    for (const auto& [labels, value] : before) {
      EXPECT_TRUE(now.contains(labels) || labels.find("unnamed") != std::string::npos) << labels;
    }
    before = now;
    uint64_t sum_of_ended = 0;
    for (const auto& [labels, value] : values(totals.ended())) sum_of_ended += value;
    if (i > 0) {
      EXPECT_EQ(sum_of_ended, counted_by_ended);
    }
  }
}

}  // namespace
}  // namespace sonde::exporter
