#include "inject/workload/request_schedule.h"

#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{seconds(1000)};

TEST(RequestSchedule, RequestsAreEvenlySpaced) {
  RequestSchedule schedule(100, kStart);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(schedule.next(kStart), kStart + i * milliseconds(10));
  EXPECT_EQ(schedule.skipped(), 0U);
}

TEST(RequestSchedule, LateRequestsAreStillDueAtTheirTime) {
  RequestSchedule schedule(100, kStart);
  EXPECT_EQ(schedule.next(kStart + milliseconds(900)), kStart);
  EXPECT_EQ(schedule.next(kStart + milliseconds(900)), kStart + milliseconds(10));
}

TEST(RequestSchedule, ANewRateHoldsFromTheNextRequestOn) {
  RequestSchedule schedule(100, kStart);
  (void)schedule.next(kStart);
  schedule.set_rate(200);
  EXPECT_EQ(schedule.rate(), 200);
  EXPECT_EQ(schedule.next(kStart), kStart + milliseconds(10));
  EXPECT_EQ(schedule.next(kStart), kStart + milliseconds(15));
}

TEST(RequestSchedule, WhatIsOverASecondLateIsSkippedAndCounted) {
  RequestSchedule schedule(100, kStart);
  const SteadyTime due = schedule.next(kStart + seconds(5));
  EXPECT_GE(due, kStart + seconds(4));
  EXPECT_LE(due, kStart + seconds(4) + milliseconds(10));
  EXPECT_EQ(schedule.skipped(), static_cast<uint64_t>((due - kStart) / milliseconds(10)));
}

}  // namespace
}  // namespace sonde::inject
