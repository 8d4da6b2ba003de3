#include "inject/faults/memory_leak.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace sonde::inject {
namespace {

constexpr std::chrono::milliseconds kStep(20);
constexpr uint64_t kChunkBytes = 64 * 1024;

/// Memory that is really there: every page of it was written to.
class HeldMemory {
 public:
  /// Takes and gives back whole chunks, so as to hold at most `wanted` bytes. False where there is none to be
  /// had.
  bool resize(uint64_t wanted) {
    while (bytes() + kChunkBytes <= wanted) {
      void* chunk = mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (chunk == MAP_FAILED) return false;
      std::memset(chunk, 0x5a, kChunkBytes);
      chunks_.push_back(chunk);
    }
    while (bytes() > wanted) {
      munmap(chunks_.back(), kChunkBytes);
      chunks_.pop_back();
    }
    return true;
  }
  [[nodiscard]] uint64_t bytes() const { return chunks_.size() * kChunkBytes; }

 private:
  std::vector<void*> chunks_;
};

[[noreturn]] void run_leak(const LeakPlan& plan, SharedFigures& figures, SteadyTime lease_end) {
  HeldMemory memory;
  double wanted = 0;
  for (SteadyTime last = SteadyClock::now(); last < lease_end;) {
    std::this_thread::sleep_for(kStep);
    const SteadyTime now = SteadyClock::now();
    wanted = leaked_bytes(plan, wanted, figures.level, std::chrono::duration<double>(now - last).count());
    last = now;
    if (!memory.resize(static_cast<uint64_t>(wanted))) wanted = static_cast<double>(memory.bytes());
    figures.amount = memory.bytes();
  }
  _exit(0);
}

}  // namespace

double leaked_bytes(const LeakPlan& plan, double held, double level, double seconds) {
  const double ceiling = level * static_cast<double>(plan.ceiling_bytes);
  return std::min(ceiling, held + seconds * static_cast<double>(plan.bytes_per_second));
}

void leak(const LeakPlan& plan, SharedFigures& figures, SteadyTime lease_end) {
  const pid_t self = getpid();
  while (SteadyClock::now() < lease_end) {
    figures.amount = 0;
    const pid_t child = fork();
    if (child == 0) {
      die_with_parent(self);
      run_leak(plan, figures, lease_end);
    }
    if (child < 0) {  // refused: the cgroup has no room for a process
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    figures.worker = child;
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) figures.losses += 1;
  }
}

}  // namespace sonde::inject
