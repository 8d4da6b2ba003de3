#include "exporter/row_accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/container_table.h"

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr MapKey kFirst{.id = 7, .hierarchy = 1};
constexpr MapKey kSecond{.id = 8, .hierarchy = 1};
constexpr auto kMinute = std::chrono::minutes(1);

/// One counter per key; owners are set by the test, rows are "a" and "b".
class RowAccountsTest : public testing::Test {
 protected:
  void update(std::vector<std::pair<MapKey, uint64_t>> counts) {
    MapReading reading;
    reading.width = 1;
    for (const auto& [key, count] : counts) {
      reading.keys.push_back(key);
      reading.counts.push_back(count);
    }
    accounts_.update(
        reading, rows_,
        [this](const MapKey& key) -> std::optional<uint32_t> {
          const auto found = owners_.find(key);
          if (found == owners_.end()) return std::nullopt;
          return found->second;
        },
        now_, host_of_);
  }

  std::vector<uint64_t> totals() const {
    std::vector<uint64_t> all;
    for (const RowAccounts::Row* row : accounts_.totals().rows()) all.push_back(row->totals[0]);
    return all;
  }
  uint64_t host() const { return accounts_.host_row().totals[0]; }

  RowAccounts accounts_{1, {.linger = {}}};
  const metrics::Labels a_{{"container", "a"}};
  const metrics::Labels b_{{"container", "b"}};
  const metrics::Labels service_{{"service", "s"}};
  const CountOwner first_{1, &a_, &service_, true};
  const CountOwner second_{2, &b_, &service_, true};
  std::vector<CountOwner> rows_{first_, second_};
  std::unordered_map<MapKey, uint32_t> owners_;
  RowAccounts::OwnerOf host_of_;
  SteadyTime now_ = SteadyTime() + std::chrono::hours(1);
};

TEST_F(RowAccountsTest, RowsWithoutCountsAreZero) {
  update({});
  EXPECT_THAT(totals(), ElementsAre(0, 0));
  EXPECT_EQ(host(), 0);
}

TEST_F(RowAccountsTest, ARowIsTheSumOfItsCgroups) {
  owners_ = {{kFirst, 0}, {kSecond, 0}};
  update({{kFirst, 23}, {kSecond, 100}});
  EXPECT_THAT(totals(), ElementsAre(123, 0));
}

TEST_F(RowAccountsTest, ANewCgroupsFirstCountsAreTheOwnersWhoIsKnownAtTheNextUpdate) {
  update({{kFirst, 23}});
  EXPECT_THAT(totals(), ElementsAre(0, 0));
  EXPECT_EQ(host(), 0);
  owners_ = {{kFirst, 1}};
  update({{kFirst, 25}});
  EXPECT_THAT(totals(), ElementsAre(0, 25));
  EXPECT_EQ(host(), 0);
}

TEST_F(RowAccountsTest, WhoStandsForTheHostGetsWhatNobodyEverOwned) {
  host_of_ = [](const MapKey&) { return 1; };
  owners_ = {{kFirst, 0}};
  update({{kFirst, 5}, {kSecond, 23}});
  EXPECT_THAT(totals(), ElementsAre(5, 0));
  owners_ = {};
  update({{kFirst, 7}, {kSecond, 25}});
  EXPECT_THAT(totals(), ElementsAre(7, 25)) << "the first one's is still its last owner's";
  EXPECT_EQ(host(), 0);
}

TEST_F(RowAccountsTest, ANewCgroupThatNobodyOwnsIsTheHostsAtTheNextUpdate) {
  update({{kFirst, 23}});
  EXPECT_EQ(host(), 0);
  update({{kFirst, 23}});
  EXPECT_EQ(host(), 23);
  update({{kFirst, 24}});
  EXPECT_EQ(host(), 24);
}

TEST_F(RowAccountsTest, ACgroupWhoseOwnerIsNotDecidedIsNotIdleAndLosesNothingWhenForgotten) {
  update({{kFirst, 23}});
  EXPECT_THAT(accounts_.idle({}, true, now_), IsEmpty());
  accounts_.forget(kFirst, std::vector<uint64_t>{25});
  EXPECT_EQ(host(), 25);
}

TEST_F(RowAccountsTest, WhatWasCountedBeforeTheOwnerWasKnownStaysTheHosts) {
  update({{kFirst, 23}});
  update({{kFirst, 23}});
  owners_ = {{kFirst, 1}};
  update({{kFirst, 25}});
  EXPECT_THAT(totals(), ElementsAre(0, 2));
  EXPECT_EQ(host(), 23);
}

TEST_F(RowAccountsTest, ACgroupThatTheTableForgotKeepsItsLastOwner) {
  owners_ = {{kFirst, 0}};
  update({{kFirst, 23}});
  owners_.clear();
  update({{kFirst, 24}});
  EXPECT_THAT(totals(), ElementsAre(24, 0));
  EXPECT_EQ(host(), 0);
}

TEST_F(RowAccountsTest, ADeletedEntrysFinalCountsAreTheOwners) {
  owners_ = {{kFirst, 0}};
  update({{kFirst, 23}});
  accounts_.forget(kFirst, std::vector<uint64_t>{26});
  update({});
  EXPECT_THAT(totals(), ElementsAre(26, 0));
  // It wakes up: the kernel starts a new entry at zero.
  update({{kFirst, 4}});
  EXPECT_THAT(totals(), ElementsAre(30, 0));
}

TEST_F(RowAccountsTest, AnEntryMadeAnewWithoutNoticeCountsFromZero) {
  owners_ = {{kFirst, 0}};
  update({{kFirst, 23}});
  update({{kFirst, 4}});
  EXPECT_THAT(totals(), ElementsAre(27, 0));
}

TEST_F(RowAccountsTest, TheEntryOfAContainerThatEndedIsIdleAtOnce) {
  owners_ = {{kFirst, 0}, {kSecond, 1}};
  update({{kFirst, 1}, {kSecond, 1}});
  EXPECT_THAT(accounts_.idle(kMinute, false, now_), IsEmpty());
  rows_[0].alive = false;
  update({{kFirst, 5}, {kSecond, 1}});
  EXPECT_THAT(accounts_.idle(kMinute, false, now_), ElementsAre(kFirst));
}

TEST_F(RowAccountsTest, OnlyUnownedEntriesThatRestedAreIdle) {
  owners_ = {{kFirst, 0}};
  update({{kFirst, 1}, {kSecond, 1}});
  update({{kFirst, 1}, {kSecond, 1}});
  EXPECT_THAT(accounts_.idle(kMinute, false, now_), IsEmpty());
  now_ += kMinute;
  update({{kFirst, 1}, {kSecond, 1}});
  EXPECT_THAT(accounts_.idle(kMinute, false, now_), ElementsAre(kSecond));
  EXPECT_EQ(accounts_.idle(kMinute, true, now_).size(), 2);
  update({{kFirst, 1}, {kSecond, 2}});
  EXPECT_THAT(accounts_.idle(kMinute, false, now_), IsEmpty());
}

TEST_F(RowAccountsTest, EqualLabelsShareARow) {
  rows_ = {first_, {3, &a_, &service_, true}};
  owners_ = {{kFirst, 0}, {kSecond, 1}};
  update({{kFirst, 1}, {kSecond, 2}});
  EXPECT_THAT(totals(), ElementsAre(3));
}

TEST_F(RowAccountsTest, ASuccessorGoesOnAndAStrangerStartsAtZero) {
  owners_ = {{kFirst, 0}};
  update({{kFirst, 23}});
  rows_ = {second_};
  owners_.clear();
  update({{kFirst, 23}});
  EXPECT_THAT(totals(), ElementsAre(0));
  rows_ = {{3, &a_, &service_, true}};
  owners_ = {{kSecond, 0}};
  update({{kFirst, 23}, {kSecond, 2}});
  EXPECT_THAT(totals(), ElementsAre(25));
  // Ten minutes after it was first missed the container's row is forgotten.
  rows_ = {{4, &b_, &service_, true}};
  owners_.clear();
  update({{kFirst, 23}, {kSecond, 2}});
  now_ += std::chrono::minutes(11);
  update({{kFirst, 23}, {kSecond, 2}});
  rows_ = {{5, &a_, &service_, true}};
  update({{kFirst, 24}, {kSecond, 2}});
  EXPECT_THAT(totals(), ElementsAre(0));
  EXPECT_EQ(host(), 1);
}

TEST_F(RowAccountsTest, CountsOfAContainerWithoutANameYetWaitForIt) {
  owners_ = {{kFirst, ContainerTable::kUndecided}};
  update({{kFirst, 23}});
  update({{kFirst, 24}});
  EXPECT_EQ(host(), 0);
  owners_ = {{kFirst, 1}};
  update({{kFirst, 25}});
  EXPECT_THAT(totals(), ElementsAre(0, 25));
  EXPECT_EQ(host(), 0);
}

}  // namespace
}  // namespace sonde::exporter
