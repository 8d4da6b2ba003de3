// How far the sampled count of system calls is from the truth. As root:
//   build/release/bench/bpf_sampling_error [SECONDS] [RATIO]
//
// Both count at once, in a context of their own: `exact` gives the truth. Two loads: a steady one, and one
// that works in bursts as a service does, 100 times a second. The table shows the relative error of the
// increments over spans.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"
#include "tests/bpf/workloads.h"

namespace {

using sonde::SteadyClock;
using sonde::exporter::SyscallsMode;
using sonde::test::Probe;
using sonde::test::Task;

constexpr const char* kSyscalls = "sonde_container_syscalls_total";

/// A hundred calls, then the rest of a hundredth of a second asleep.
void bursts(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    for (int call = 0; call < 100; ++call) ::getppid();
    const timespec rest{.tv_sec = 0, .tv_nsec = 9'900'000};
    ::nanosleep(&rest, nullptr);
  }
}

/// Calls without a pause, one in about 20 µs.
void steady(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    for (int spin = 0; spin < 20'000; ++spin) __asm__ volatile("");
    ::getppid();
  }
}

struct Point {
  double truth;
  double estimate;
};

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void print_errors(const std::string& load, double ratio, const std::vector<Point>& points, size_t span) {
  std::vector<double> errors;
  for (size_t i = 0; i + span < points.size(); ++i) {
    const double truth = points[i + span].truth - points[i].truth;
    const double estimate = points[i + span].estimate - points[i].estimate;
    if (truth > 0) errors.push_back(std::fabs(estimate / truth - 1));
  }
  if (errors.empty()) return;
  const Point& first = points.front();
  const Point& last = points.back();
  fmt::print("| {} | {} | {} s | {:.1f} % | {:.1f} % | {:+.1f} % |\n", load, ratio, span,
             100 * quantile(errors, 0.5), 100 * quantile(errors, 0.95),
             100 * ((last.estimate - first.estimate) / (last.truth - first.truth) - 1));
}

void measure(const std::string& load, const Task& task, int seconds, double ratio) {
  const sonde::test::TestCgroup cgroup("bench");
  const auto table = sonde::test::table_of({&cgroup});
  Probe exact(sonde::test::exact_syscalls);
  Probe sampled([ratio](sonde::exporter::BpfContext& context) {
    return make_syscalls_collector(context, {.mode = SyscallsMode::kSampled, .sampling_ratio = ratio});
  });
  sonde::test::Worker worker(cgroup, task);
  worker.start();
  std::vector<Point> points;
  auto next = SteadyClock::now() + std::chrono::seconds(2);
  for (int second = 0; second <= seconds; ++second, next += std::chrono::seconds(1)) {
    std::this_thread::sleep_until(next);
    points.push_back({row_value(exact.scrape(table), kSyscalls, "bench"),
                      row_value(sampled.scrape(table), kSyscalls, "bench")});
  }
  worker.stop();
  for (const size_t span : {size_t{2}, size_t{10}, size_t{30}}) print_errors(load, ratio, points, span);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const int seconds = count > 1 ? std::max(31, std::atoi(arguments[1])) : 60;
  const std::vector<double> ratios =
      count > 2 ? std::vector<double>{std::atof(arguments[2])} : std::vector<double>{0.02, 0.05, 0.1, 0.2};
  fmt::print("| load | ratio | span | median error | 95 % | whole run |\n|---|---|---|---|---|---|\n");
  for (const double ratio : ratios) {
    measure("steady", steady, seconds, ratio);
    measure("bursts, 100/s", bursts, seconds, ratio);
  }
  return 0;
}
