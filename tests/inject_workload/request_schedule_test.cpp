#include "inject/workload/request_schedule.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(1000)};

TEST(RequestSchedule, RequestsAreEvenlySpaced) {
  RequestSchedule schedule(100, kStart);
  for (int i = 0; i < 200; ++i) {
    const SteadyTime due = kStart + i * milliseconds(10);
    EXPECT_EQ(schedule.take(due - milliseconds(1)), std::nullopt);
    EXPECT_EQ(schedule.take(due), due);
  }
  EXPECT_EQ(schedule.skipped(), 0U);
}

TEST(RequestSchedule, LateRequestsAreStillDueAtTheirTime) {
  RequestSchedule schedule(100, kStart);
  EXPECT_EQ(schedule.take(kStart + milliseconds(900)), kStart);
  EXPECT_EQ(schedule.take(kStart + milliseconds(900)), kStart + milliseconds(10));
}

TEST(RequestSchedule, ANewRateHoldsFromTheNextRequestOn) {
  RequestSchedule schedule(0.1, kStart);
  EXPECT_EQ(schedule.take(kStart), kStart);
  schedule.set_rate(100, kStart + seconds(5));  // half of the way to the next
  EXPECT_EQ(schedule.rate(), 100);
  EXPECT_EQ(schedule.take(kStart + seconds(5)), std::nullopt);
  EXPECT_EQ(schedule.take(kStart + seconds(6)), kStart + seconds(5) + milliseconds(5));
  EXPECT_EQ(schedule.take(kStart + seconds(6)), kStart + seconds(5) + milliseconds(15));
}

TEST(RequestSchedule, ANewRateChangesNothingOfWhatIsDueAlready) {
  RequestSchedule schedule(100, kStart);
  schedule.set_rate(1, kStart + milliseconds(500));
  EXPECT_EQ(schedule.take(kStart + milliseconds(500)), kStart);
}

TEST(RequestSchedule, WaitsForWhatIsDueAndNoLongerThanForAStop) {
  RequestSchedule schedule(1000, SteadyClock::now());
  std::stop_source stop;
  for (int i = 0; i < 5; ++i) {
    const SteadyTime due = schedule.wait(stop.get_token()).value();
    EXPECT_LE(due, SteadyClock::now());
  }
  schedule.set_rate(0.001, SteadyClock::now());
  std::vector<std::jthread> waiting;
  std::atomic<int> stopped = 0;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&] {
      while (schedule.wait(stop.get_token())) continue;
      ++stopped;
    });
  }
  stop.request_stop();
  waiting.clear();
  EXPECT_EQ(stopped, 3);
}

TEST(RequestSchedule, WhatIsOverASecondLateIsSkippedAndCounted) {
  RequestSchedule schedule(100, kStart);
  const SteadyTime due = schedule.take(kStart + seconds(5)).value();
  EXPECT_GE(due, kStart + seconds(4));
  EXPECT_LE(due, kStart + seconds(4) + milliseconds(10));
  EXPECT_EQ(schedule.skipped(), static_cast<uint64_t>((due - kStart) / milliseconds(10)));
}

}  // namespace
}  // namespace sonde::inject
