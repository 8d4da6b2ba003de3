#include "inject/faults/duty_cycle.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <thread>

namespace sonde::inject {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

/// Works until `end`. It looks at the clock every 0.1 ms or so only, so that even a machine whose clock costs
/// a system call does not see a syscall fault where a CPU fault was asked for.
void spin_until(steady_clock::time_point end) {
  volatile double x = 1.0;
  while (steady_clock::now() < end) {
    for (int i = 0; i < 20'000; ++i) x = x * 1.000001 + 1e-9;
    if (!std::isfinite(x)) x = 1.0;
  }
}

nanoseconds thread_cpu_time() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

void burn_one(double share, const std::atomic<double>& level, steady_clock::time_point deadline) {
  nanoseconds debt{0};
  while (steady_clock::now() < deadline) {
    const auto period_start = steady_clock::now();
    const auto period_end = std::min(deadline, period_start + kDutyPeriod);
    const double wanted = share * level;
    if (wanted >= 1.0) {  // no sleep, no system call
      debt = nanoseconds(0);
      spin_until(period_end);
      continue;
    }
    const nanoseconds used_before = thread_cpu_time();
    const nanoseconds work = next_work(wanted, debt);
    spin_until(std::min(deadline, period_start + work));
    debt += work - (thread_cpu_time() - used_before);
    std::this_thread::sleep_until(period_end);
  }
}

}  // namespace

std::vector<double> thread_shares(double cores) {
  std::vector<double> shares(static_cast<size_t>(cores), 1.0);
  const double rest = cores - std::floor(cores);
  if (rest > 1e-6) shares.push_back(rest);
  return shares;
}

nanoseconds next_work(double share, nanoseconds& debt) {
  debt = std::clamp(debt, -kDutyPeriod, kDutyPeriod);
  const nanoseconds wanted(std::llround(share * static_cast<double>(kDutyPeriod.count())));
  const nanoseconds work = std::clamp(wanted + debt, nanoseconds(0), kDutyPeriod);
  // What is worked off now is no debt any more; what did not fit into the period stays one.
  debt += wanted - work;
  return work;
}

void burn(const std::vector<double>& shares, const std::atomic<double>& level,
          steady_clock::time_point deadline) {
  std::vector<std::jthread> others;
  for (size_t i = 1; i < shares.size(); ++i) {
    others.emplace_back([&level, deadline, share = shares[i]] { burn_one(share, level, deadline); });
  }
  if (!shares.empty()) burn_one(shares[0], level, deadline);
}

}  // namespace sonde::inject
