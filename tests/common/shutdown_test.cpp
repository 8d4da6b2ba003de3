#include "common/shutdown.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace sonde {
namespace {

TEST(Shutdown, WaitsForTermAndReportsHangups) {
  Shutdown shutdown;  // blocks the signals for the threads started after it
  int hangups = 0;
  ::kill(::getpid(), SIGHUP);
  shutdown.wait([&] {
    ++hangups;
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(hangups, 1);
}

TEST(Shutdown, WaitsForInterruptFromAnotherThread) {
  Shutdown shutdown;
  std::thread sender([] { ::kill(::getpid(), SIGINT); });
  shutdown.wait();
  sender.join();
}

TEST(Shutdown, APeerThatClosesDoesNotEndTheProcess) {
  const Shutdown shutdown;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
}

}  // namespace
}  // namespace sonde
