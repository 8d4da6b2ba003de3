#include "inject/faults/duty_cycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::DoubleNear;
using testing::ElementsAre;

TEST(ThreadShares, AreFullThreadsAndARest) {
  EXPECT_THAT(thread_shares(1.0), ElementsAre(1.0));
  EXPECT_THAT(thread_shares(0.25), ElementsAre(0.25));
  EXPECT_THAT(thread_shares(2.0), ElementsAre(1.0, 1.0));
  EXPECT_THAT(thread_shares(2.3), ElementsAre(1.0, 1.0, DoubleNear(0.3, 1e-9)));
}

TEST(ThreadShares, SumUpToTheCores) {
  for (double cores = 0.05; cores < 8; cores += 0.37) {
    const auto shares = thread_shares(cores);
    EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), cores, 1e-6);
  }
}

TEST(NextWork, IsTheShareWhereNothingIsOwed) {
  nanoseconds debt{0};
  EXPECT_EQ(next_work(0.5, debt), kDutyPeriod / 2);
  EXPECT_EQ(debt.count(), 0);
}

TEST(NextWork, MakesUpForWhatWasMissed) {
  nanoseconds debt = milliseconds(10);
  EXPECT_EQ(next_work(0.5, debt), kDutyPeriod / 2 + milliseconds(10));
  EXPECT_EQ(debt.count(), 0);
}

TEST(NextWork, NeverExceedsThePeriodAndKeepsTheRestAsDebt) {
  nanoseconds debt = milliseconds(30);
  EXPECT_EQ(next_work(0.5, debt), kDutyPeriod);
  EXPECT_EQ(debt, milliseconds(5));
}

TEST(NextWork, ForgetsDebtBeyondOnePeriod) {
  nanoseconds debt = std::chrono::seconds(60);  // throttled for a minute
  EXPECT_EQ(next_work(0.2, debt), kDutyPeriod);
  EXPECT_LE(debt, kDutyPeriod);
}

TEST(NextWork, RestsWhereTooMuchWasBurnt) {
  nanoseconds debt = -milliseconds(45);
  EXPECT_EQ(next_work(0.5, debt), nanoseconds(0));
  EXPECT_EQ(debt, -milliseconds(20));
}

TEST(NextWork, BurnsTheShareOverManyPeriodsEvenIfEachOvershoots) {
  constexpr double kShare = 0.3;
  constexpr int kPeriods = 1000;
  nanoseconds debt{0};
  nanoseconds used{0};
  for (int i = 0; i < kPeriods; ++i) {
    const nanoseconds work = next_work(kShare, debt);
    const nanoseconds really = work > nanoseconds(0) ? work + milliseconds(3) : nanoseconds(0);
    debt += work - really;
    used += really;
  }
  EXPECT_NEAR(static_cast<double>(used.count()) / static_cast<double>((kDutyPeriod * kPeriods).count()),
              kShare, 0.01);
}

}  // namespace
}  // namespace sonde::inject
