#include "exporter/node_lock.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace sonde::exporter {
namespace {

/// Of this test process alone, so that tests in parallel do not meet.
std::string lock_name(const std::string& test) {
  return fmt::format("sonde-test-{}-{}", test, getpid());
}

TEST(NodeLock, IsRefusedToASecondHolderWhoLearnsTheFirst) {
  const auto first = take_node_lock(lock_name("second"));
  ASSERT_TRUE(first.has_value()) << first.error().message;
  for (int i = 0; i < 3; ++i) {
    const auto second = take_node_lock(lock_name("second"));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(second.error().message.find(fmt::format("process {}", getpid())), std::string::npos)
        << second.error().message;
    EXPECT_NE(second.error().message.find("--node.lock"), std::string::npos);
  }
}

TEST(NodeLock, IsFreeOnceItsHolderHasEndedHoweverItEnded) {
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = take_node_lock(lock_name("crash"));
    _exit(lock.has_value() ? 0 : 1);  // without giving it back
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  // The child's name holds the child's process id, so ask for that one.
  const auto again = take_node_lock(fmt::format("sonde-test-crash-{}", child));
  EXPECT_TRUE(again.has_value());
}

TEST(NodeLock, OfAnotherNameIsAnother) {
  const auto first = take_node_lock(lock_name("a"));
  const auto second = take_node_lock(lock_name("b"));
  EXPECT_TRUE(first.has_value() && second.has_value());
}

TEST(NodeLock, RefusesANameThatIsTooLong) {
  const auto lock = take_node_lock(std::string(108, 'x'));
  ASSERT_FALSE(lock.has_value());
  EXPECT_EQ(lock.error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sonde::exporter
