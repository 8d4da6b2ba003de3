// How far the sampled count of system calls is from the truth. As root:
//   build/release/bench/bpf_sampling_error [SECONDS]
//
// All count at once, each in a context of its own: `exact` gives the truth, beside it samplers of several
// settings. Three loads: a steady one, one that works in bursts as a service does, 100 times a second, and
// one that works as often as a window opens. The table shows the relative error of the increments over spans
// such as a scrape interval.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/duration.h"
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

/// A second of calls, then four asleep: as often as a window opens.
void every_five_seconds(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const auto end = SteadyClock::now() + std::chrono::seconds(1);
    while (SteadyClock::now() < end) steady(100);
    std::this_thread::sleep_for(std::chrono::seconds(4));
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

struct Setting {
  double ratio;
  std::chrono::milliseconds period;
};
constexpr std::array<Setting, 5> kSettings{{{0.05, std::chrono::seconds(1)},
                                            {0.02, std::chrono::seconds(5)},
                                            {0.05, std::chrono::seconds(5)},
                                            {0.1, std::chrono::seconds(5)},
                                            {0.05, std::chrono::seconds(15)}}};

void print_errors(const std::string& load, const Setting& setting, const std::vector<Point>& points,
                  size_t span) {
  std::vector<double> errors;
  for (size_t i = 0; i + span < points.size(); ++i) {
    const double truth = points[i + span].truth - points[i].truth;
    const double estimate = points[i + span].estimate - points[i].estimate;
    if (truth > 0) errors.push_back(std::fabs(estimate / truth - 1));
  }
  if (errors.empty()) return;
  const Point& first = points.front();
  const Point& last = points.back();
  fmt::print("| {} | {} | {} | {} s | {:.1f} % | {:.1f} % | {:+.1f} % |\n", load,
             sonde::duration_text(setting.period), setting.ratio, span, 100 * quantile(errors, 0.5),
             100 * quantile(errors, 0.95),
             100 * ((last.estimate - first.estimate) / (last.truth - first.truth) - 1));
}

void measure(const std::string& load, const Task& task, int seconds) {
  const sonde::test::TestCgroup cgroup("bench");
  const auto table = sonde::test::table_of({&cgroup});
  Probe exact(sonde::test::exact_syscalls);
  std::vector<std::unique_ptr<Probe>> samplers;
  for (const Setting& setting : kSettings) {
    samplers.push_back(std::make_unique<Probe>([&setting](sonde::exporter::BpfContext& context) {
      return make_syscalls_collector(context, {.mode = SyscallsMode::kSampled,
                                               .sampling_ratio = setting.ratio,
                                               .sampling_period = setting.period});
    }));
  }
  sonde::test::Worker worker(cgroup, task);
  worker.start();
  std::array<std::vector<Point>, kSettings.size()> points;
  auto next = SteadyClock::now() + std::chrono::seconds(20);  // each has had a window
  for (int second = 0; second <= seconds; ++second, next += std::chrono::seconds(1)) {
    std::this_thread::sleep_until(next);
    for (size_t i = 0; i < samplers.size(); ++i) {
      points[i].push_back({row_value(exact.scrape(table), kSyscalls, "bench"),
                           row_value(samplers[i]->scrape(table), kSyscalls, "bench")});
    }
  }
  worker.stop();
  for (size_t i = 0; i < samplers.size(); ++i) {
    for (const size_t span : {size_t{2}, size_t{15}, size_t{60}}) {
      print_errors(load, kSettings[i], points[i], span);
    }
  }
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const int seconds = count > 1 ? std::max(61, std::atoi(arguments[1])) : 240;
  fmt::print(
      "| load | period | ratio | span | median error | 95 % | whole run |\n|---|---|---|---|---|---|---|\n");
  measure("steady", steady, seconds);
  measure("bursts, 100/s", bursts, seconds);
  measure("a second in five", every_five_seconds, seconds);
  return 0;
}
