#include "inject/process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace sonde::inject {
namespace {

/// A child that sleeps until it is killed; reaped at the end in any case.
class SleepingChild {
 public:
  SleepingChild() : pid_(fork()) {
    if (pid_ == 0) {
      for (;;) pause();
    }
  }
  ~SleepingChild() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  SleepingChild(const SleepingChild&) = delete;
  SleepingChild& operator=(const SleepingChild&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(Process, IsIdentifiedByPidAndStart) {
  const SleepingChild child;
  const auto identity = identify(child.pid());
  ASSERT_TRUE(identity);
  EXPECT_TRUE(is_running(*identity));
  EXPECT_FALSE(is_running({identity->pid, identity->start_ticks + 1}));
}

TEST(Process, OfAReusedPidIsLeftAlone) {
  const SleepingChild child;
  auto other = identify(child.pid()).value();
  const auto real = other;
  other.start_ticks += 1;
  EXPECT_TRUE(end_process(other, std::chrono::seconds(1)));  // gone already, as far as it is concerned
  EXPECT_TRUE(is_running(real));
}

TEST(Process, IsEndedAndReaped) {
  const SleepingChild child;
  const auto identity = identify(child.pid()).value();
  ASSERT_TRUE(end_process(identity, std::chrono::seconds(10)));
  EXPECT_FALSE(is_running(identity));
  EXPECT_EQ(waitpid(child.pid(), nullptr, WNOHANG), -1);  // ECHILD: no zombie left
  EXPECT_TRUE(end_process(identity, std::chrono::seconds(1)));
}

TEST(Process, ThatIsAZombieDoesNotRun) {
  const SleepingChild child;
  const auto identity = identify(child.pid()).value();
  const auto descriptor = open_process(identity);
  ASSERT_TRUE(descriptor);
  kill(child.pid(), SIGKILL);
  pollfd gone{descriptor->get(), POLLIN, 0};
  ASSERT_EQ(poll(&gone, 1, 10'000), 1);
  EXPECT_FALSE(is_running(identity));
  EXPECT_FALSE(open_process(identity));
}

TEST(Process, HasCpuTime) {
  const uint64_t before = cpu_time_ns(getpid()).value();
  volatile double x = 1;
  while (cpu_time_ns(getpid()).value() < before + 1'000'000) x = x * 1.0001;
  const SleepingChild child;
  EXPECT_TRUE(cpu_time_ns(child.pid()));
  ASSERT_TRUE(end_process(identify(child.pid()).value(), std::chrono::seconds(10)));
  EXPECT_FALSE(cpu_time_ns(child.pid()));
}

}  // namespace
}  // namespace sonde::inject
