#include "inject/campaign/training_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What a dry run says of a file with these times, of two services.
std::string said_of(const std::string& faults, const std::string& times,
                    const std::vector<std::chrono::milliseconds>& steps = {seconds(15), seconds(2)}) {
  const auto plan = parse_campaign(
      "targets: [{service: api}, {service: redis}]\nfaults: " + faults + "\n" + times, "shop.yml");
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? training_rows_text(*plan, make_schedule(*plan), steps) : "";
}

constexpr const char* kCpu = "[{fault: cpu, cores: 0.5}]";
constexpr const char* kLong = "warm_up: 2m\ninjection_duration: 3m\npause_time: 2m\n";

TEST(TrainingRows, OfAFaultAreItsStepsWithoutItsEdges) {
  EXPECT_EQ(rows_of_fault(minutes(3), seconds(15)), 8U);
  EXPECT_EQ(rows_of_fault(minutes(1), seconds(2)), 26U);
  EXPECT_EQ(rows_of_fault(minutes(1), seconds(15)), 0U);
  EXPECT_EQ(rows_of_fault(seconds(1), seconds(15)), 0U);
}

TEST(TrainingRows, OfAPauseAreThoseAfterItHasSettled) {
  EXPECT_EQ(rows_of_pause(minutes(2), seconds(15)), 4U);
  EXPECT_EQ(rows_of_pause(seconds(20), seconds(2)), 2U);
  EXPECT_EQ(rows_of_pause(seconds(5), seconds(2)), 0U);
}

TEST(TrainingRows, AreCountedForEachClassAndStep) {
  const std::string text = said_of(kCpu, std::string(kLong) + "repeat: 3\n");
  EXPECT_THAT(text, HasSubstr("    15s     2s  class\n"));
  EXPECT_THAT(text, HasSubstr("     24    258  cpu in service=api\n"));
  EXPECT_THAT(text, HasSubstr("     24    258  cpu in service=redis\n"));
  EXPECT_THAT(text, HasSubstr("     31    371  normal\n"));  // 7 and 59 of the warm-up
  EXPECT_THAT(text, Not(HasSubstr("warning")));
}

TEST(TrainingRows, ThatAreNoneAreWarnedOf) {
  const std::string text = said_of(kCpu, "");  // all times by default
  EXPECT_THAT(text, HasSubstr("      0     26  cpu in service=api\n"));
  EXPECT_THAT(text,
              HasSubstr("warning: at 15s no row is left of: cpu in service=api, cpu in service=redis\n"));
  EXPECT_THAT(text, Not(HasSubstr("warning: at 2s")));
}

TEST(TrainingRows, OfFaultsTogetherAreNone) {
  const std::string text = said_of("[together: [{fault: cpu}, {fault: loss}]]", kLong);
  EXPECT_THAT(text, HasSubstr("      0      0  loss in service=redis\n"));
  EXPECT_THAT(text, HasSubstr("warning: no row is left of injections with faults `together`, here 2:"));
}

TEST(TrainingRows, OfAWalkAreThoseOfEachStop) {
  const std::string text = said_of("[walk: {fault: cpu}]", kLong);
  EXPECT_THAT(text, HasSubstr("      2     41  cpu in service=api\n"));
  EXPECT_THAT(text, HasSubstr("      1     36  cpu in service=redis\n"));  // api settles first
  EXPECT_THAT(text, Not(HasSubstr("warning")));
  EXPECT_THAT(said_of("[{fault: cpu}, {walk: {fault: cpu}}]", "injection_duration: 2m\npause_time: 2m\n"),
              HasSubstr("warning: at 15s a `walk` of cpu leaves no row of any target but the first: it is 1m "
                        "in each of 2"));
}

TEST(TrainingRows, OfAShapeAreThoseOfAtLeastHalfOfIt) {
  EXPECT_THAT(said_of("[{fault: cpu, shape: ramp}]", kLong),
              HasSubstr("      2     41  cpu in service=api\n"));
  EXPECT_THAT(said_of("[{fault: cpu, shape: flapping, period: 1m, on-share: 0.5}]", kLong),
              HasSubstr("      0     33  cpu in service=api\n"));
}

TEST(TrainingRows, OfHeavyWorkloadAreAClass) {
  const std::string text = said_of("[{fault: cpu}, {heavy_workload: 2}]",
                                   std::string(kLong) + "workload: {url: 'http://x/', rate: 8}\n");
  EXPECT_THAT(text, HasSubstr("      8     86  heavy workload\n"));
}

TEST(TrainingRows, AShortPauseIsWarnedOf) {
  EXPECT_THAT(said_of(kCpu, "injection_duration: 3m\npause_time: 5s\n"),
              HasSubstr("warning: pause_time=5s is shorter than the 10s in which a service settles"));
  EXPECT_THAT(said_of(kCpu, "injection_duration: 3m\npause_time: 10s\n"), Not(HasSubstr("pause_time")));
}

TEST(TrainingRows, ALeakThatIsFullForMostOfItsTimeIsWarnedOf) {
  const std::string full = said_of("[{fault: memory, rate: 5MiB, ceiling: 100MiB}]", kLong);
  EXPECT_THAT(full, AllOf(HasSubstr("warning: injection "),
                          HasSubstr("memory --ceiling=100MiB: reached after 20 s of 3m"),
                          HasSubstr("give 900.0 MiB or more"), HasSubstr("(and 1 more)")));
  EXPECT_THAT(said_of("[{fault: memory, rate: 5MiB, ceiling: 1GiB}]", kLong), Not(HasSubstr("warning")));
  EXPECT_THAT(said_of("[{fault: memory, rate: 100}]", kLong),
              HasSubstr("memory --rate=100: a proof needs 512.0 KiB, which takes 5243 s"));
}

}  // namespace
}  // namespace sonde::inject
