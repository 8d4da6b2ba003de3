#include "inject/faults/memory_leak.h"

#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

constexpr LeakPlan kPlan{100, 1000};

TEST(MemoryLeak, GrowsAtItsRateToItsCeiling) {
  EXPECT_DOUBLE_EQ(leaked_bytes(kPlan, 0, 1, 2.5), 250);
  EXPECT_DOUBLE_EQ(leaked_bytes(kPlan, 950, 1, 1), 1000);
  EXPECT_DOUBLE_EQ(leaked_bytes(kPlan, 1000, 1, 60), 1000);
}

TEST(MemoryLeak, OfALowerLevelHasALowerCeilingAndGivesTheRestBack) {
  EXPECT_DOUBLE_EQ(leaked_bytes(kPlan, 450, 0.5, 1), 500);
  EXPECT_DOUBLE_EQ(leaked_bytes(kPlan, 900, 0.5, 1), 500);
  EXPECT_DOUBLE_EQ(leaked_bytes(kPlan, 900, 0, 1), 0);
}

}  // namespace
}  // namespace sonde::inject
