#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "common/clock.h"

namespace sonde::test {

/// Waits until something is so that another thread brings about; fails the test if it never is.
inline void wait(const std::function<bool()>& condition) {
  const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
  while (!condition() && SteadyClock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(condition());
}

}  // namespace sonde::test
