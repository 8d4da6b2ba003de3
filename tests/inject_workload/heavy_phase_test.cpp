#include "inject/workload/heavy_phase.h"

#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

/// A phase of three times 100 requests a second, told every 100 ms, of which so many a second are answered.
class Answers {
 public:
  void pass(int tenths, uint64_t per_second) {
    for (int i = 0; i < tenths; ++i) phase.advance(0.1, 100, answered_ += per_second / 10);
  }
  HeavyPhase phase{3, 5000};

 private:
  uint64_t answered_ = 5000;
};

TEST(HeavyPhase, IsOneWhereAtLeastHalfOfWhatIsMoreIsAnswered) {
  Answers enough;
  enough.pass(20, 210);
  EXPECT_TRUE(enough.phase.is_reached());
  EXPECT_TRUE(enough.phase.was_reached());
  Answers few;
  few.pass(20, 190);
  EXPECT_FALSE(few.phase.is_reached());
  EXPECT_FALSE(few.phase.was_reached());
}

TEST(HeavyPhase, IsNoneBeforeASecondHasPassed) {
  Answers answers;
  answers.pass(9, 300);
  EXPECT_FALSE(answers.phase.is_reached());
  answers.pass(2, 300);
  EXPECT_TRUE(answers.phase.is_reached());
}

TEST(HeavyPhase, EndsWithItsAnswers) {
  Answers answers;
  answers.pass(40, 300);
  answers.pass(15, 0);
  EXPECT_FALSE(answers.phase.is_reached());
  EXPECT_TRUE(answers.phase.was_reached());
  answers.pass(40, 0);
  EXPECT_FALSE(answers.phase.was_reached());
}

TEST(HeavyPhase, OfFewRequestsTakesLongerToTell) {
  HeavyPhase phase(2, 0);
  phase.advance(1, 1, 2);
  EXPECT_FALSE(phase.is_reached());
  for (uint64_t second = 2; second <= 6; ++second) phase.advance(1, 1, 2 * second);
  EXPECT_TRUE(phase.is_reached());
}

TEST(HeavyPhase, WithoutAnyTimeIsNone) {
  EXPECT_FALSE(HeavyPhase(3, 7).was_reached());
}

}  // namespace
}  // namespace sonde::inject
