#include "inject/faults/sleepers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <thread>
#include <vector>

namespace sonde::inject {
namespace {

constexpr std::chrono::milliseconds kStep(20);
constexpr size_t kAtOnce = 200;  // forks in a row, so that a change of level is seen between

void end_last(std::vector<pid_t>& children) {
  kill(children.back(), SIGKILL);
  waitpid(children.back(), nullptr, 0);
  children.pop_back();
}

/// Those that somebody else ended are replaced.
void reap(std::vector<pid_t>& children) {
  for (pid_t gone = waitpid(-1, nullptr, WNOHANG); gone > 0; gone = waitpid(-1, nullptr, WNOHANG)) {
    std::erase(children, gone);
  }
}

/// False where the kernel refused.
bool add_one(std::vector<pid_t>& children, pid_t self) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    die_with_parent(self);
    for (;;) pause();
  }
  children.push_back(child);
  return true;
}

}  // namespace

void keep_sleepers(uint64_t count, uint64_t beyond, SharedFigures& figures, SteadyTime lease_end) {
  const pid_t self = getpid();
  std::vector<pid_t> children;
  while (SteadyClock::now() < lease_end) {
    reap(children);
    const double level = figures.level;
    const auto share = static_cast<size_t>(std::llround(level * static_cast<double>(count)));
    const size_t wanted = share + (level >= 1 ? beyond : 0);
    for (size_t i = 0; children.size() < wanted && i < kAtOnce; ++i) {
      if (add_one(children, self)) continue;
      figures.losses += 1;
      break;
    }
    while (children.size() > wanted) end_last(children);
    figures.amount = children.size();
    std::this_thread::sleep_for(kStep);
  }
  while (!children.empty()) end_last(children);
}

}  // namespace sonde::inject
