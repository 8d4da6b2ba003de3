#include "inject/level_history.h"

#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using std::chrono::seconds;

TEST(LevelHistory, IsWholeFromTheStart) {
  LevelHistory levels;
  const SteadyTime start = SteadyClock::now();
  levels.begin(start);
  EXPECT_DOUBLE_EQ(levels.full_seconds(start + seconds(3)), 3);
  EXPECT_DOUBLE_EQ(levels.mean(start + seconds(3)), 1);
  EXPECT_DOUBLE_EQ(levels.mean(start), 1);
}

TEST(LevelHistory, AddsUpWhatWasAskedForWhen) {
  LevelHistory levels;
  const SteadyTime start = SteadyClock::now();
  levels.begin(start);
  levels.set(0, start + seconds(2));
  levels.set(0.5, start + seconds(6));
  EXPECT_DOUBLE_EQ(levels.full_seconds(start + seconds(6)), 2);
  EXPECT_DOUBLE_EQ(levels.full_seconds(start + seconds(10)), 4);
  EXPECT_DOUBLE_EQ(levels.mean(start + seconds(10)), 0.4);
  EXPECT_EQ(levels.level(), 0.5);
}

}  // namespace
}  // namespace sonde::inject
