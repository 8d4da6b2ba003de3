#include "exporter/scaled_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr MapKey kKey{.id = 7, .hierarchy = 1};
constexpr auto kPeriod = std::chrono::seconds(1);
constexpr auto kWindow = std::chrono::milliseconds(250);

/// One counter of one key, in windows of a quarter of the time.
class ScaledCountsTest : public testing::Test {
 protected:
  void add_window(uint64_t count) {
    now_ += kPeriod;
    scaled_.add_window({.width = 1, .keys = {kKey}, .counts = {count}}, kWindow, now_);
  }
  void add_unread_window() {
    now_ += kPeriod;
    scaled_.add_unread_window(kWindow);
  }
  std::vector<uint64_t> estimates() const {
    MapReading reading;
    scaled_.read(reading);
    return reading.counts;
  }

  SteadyTime now_ = SteadyTime() + std::chrono::hours(1);
  ScaledCounts scaled_{1, 1, 0.25, now_};
};

TEST_F(ScaledCountsTest, AnIncrementStandsForTheTimeSinceTheLastWindow) {
  EXPECT_EQ(scaled_.share(), 0.25);
  add_window(10);
  EXPECT_THAT(estimates(), ElementsAre(40));
  now_ += kPeriod;  // no window in this one
  add_window(11);
  EXPECT_THAT(estimates(), ElementsAre(48));
  EXPECT_DOUBLE_EQ(scaled_.share(), 0.5 / 3);
}

TEST_F(ScaledCountsTest, WhatIsCountedAllTheTimeIsNotScaled) {
  ScaledCounts scaled(2, 1, 0.25, now_);
  scaled.add_window({.width = 2, .keys = {kKey}, .counts = {10, 10}}, kWindow, now_ + kPeriod);
  MapReading reading;
  scaled.read(reading);
  EXPECT_THAT(reading.counts, ElementsAre(40, 10));
  EXPECT_THAT(scaled.take(kKey, std::vector<uint64_t>{12, 12}), ElementsAre(48, 12));
}

TEST_F(ScaledCountsTest, CountsFromBeforeTheFirstWindowAreLeftOut) {
  scaled_.set_baseline({.width = 1, .keys = {kKey}, .counts = {1000}});
  EXPECT_THAT(estimates(), ElementsAre(0));
  add_window(1010);
  EXPECT_THAT(estimates(), ElementsAre(40));
}

TEST_F(ScaledCountsTest, CountsOfAWindowThatCouldNotBeReadAreNotScaledTwice) {
  add_window(10);
  add_unread_window();
  add_window(30);  // of two windows
  EXPECT_THAT(estimates(), ElementsAre(120));
  EXPECT_DOUBLE_EQ(scaled_.share(), 0.25);
  add_window(40);
  EXPECT_THAT(estimates(), ElementsAre(160));
}

TEST_F(ScaledCountsTest, AKeyThatIsTakenInAnOpenWindowBringsThatWindowsCounts) {
  add_window(10);
  EXPECT_THAT(scaled_.take(kKey, std::vector<uint64_t>{12}), ElementsAre(48));
  EXPECT_THAT(estimates(), IsEmpty());
  // It lives on: the kernel's new entry starts at zero.
  add_window(3);
  EXPECT_THAT(scaled_.take(kKey, {}), ElementsAre(12));
  EXPECT_THAT(scaled_.take(kKey, {}), IsEmpty());
}

}  // namespace
}  // namespace sonde::exporter
