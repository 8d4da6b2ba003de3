#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "tests/bpf/support/ping_pong.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"
#include "tests/bpf/workloads.h"

namespace sonde::test {
namespace {

constexpr const char* kSwitches = "sonde_container_context_switches_total";
constexpr const char* kDelays = "sonde_container_run_queue_delay_seconds";

/// What /proc says that the scheduler did with a process: the independent count.
struct SchedulerFacts {
  double switches = 0;   ///< voluntary and not
  double preempted = 0;  ///< those that were not
  double waits = 0;      ///< times it came to a CPU
  double waited_ns = 0;
};

SchedulerFacts facts_of(pid_t process) {
  const std::string folder = "/proc/" + std::to_string(process);
  SchedulerFacts facts;
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    double value = 0;
    words >> name >> value;
    if (name == "voluntary_ctxt_switches:" || name == "nonvoluntary_ctxt_switches:") facts.switches += value;
    if (name == "nonvoluntary_ctxt_switches:") facts.preempted = value;
  }
  double ran_ns = 0;
  std::ifstream(folder + "/schedstat") >> ran_ns >> facts.waited_ns >> facts.waits;
  return facts;
}

/// How often the kernel moved a process to another CPU; nothing where it does not say (CONFIG_SCHED_DEBUG).
std::optional<uint64_t> migrations_of(pid_t process) {
  std::ifstream account("/proc/" + std::to_string(process) + "/sched");
  for (std::string line; std::getline(account, line);) {
    if (line.starts_with("se.nr_migrations")) return std::stoull(line.substr(line.find(':') + 1));
  }
  return std::nullopt;
}

pid_t only_child_of(pid_t process) {
  const std::string id = std::to_string(process);
  pid_t child = 0;
  std::ifstream("/proc/" + id + "/task/" + id + "/children") >> child;
  return child;
}

void spin(uint64_t count) {
  for (uint64_t i = 0; i < count * 1000; ++i) __asm__ volatile("");
}

class SchedulerTest : public testing::TestWithParam<std::optional<identity::Hierarchy>> {
 protected:
  SchedulerTest()
      : probe_(exporter::make_scheduler_collector, {.task_hierarchy = GetParam()}),
        table_(table_of({&target_, &neighbour_})) {}

  /// Runs `work`, which leaves all of `processes` asleep, and compares the row with what /proc says of them.
  template <class Work>
  void expect_row_agrees(const std::vector<pid_t>& processes, Work work) {
    const Exposition before = probe_.scrape(table_);
    const SchedulerFacts facts_before = sum(processes);
    work();
    const SchedulerFacts facts = sum(processes);
    const Exposition after = probe_.scrape(table_);
    const auto growth = [&](const std::string& metric) {
      return row_value(after, metric, "target") - row_value(before, metric, "target");
    };
    EXPECT_EQ(growth(kSwitches), facts.switches - facts_before.switches);
    EXPECT_EQ(growth(std::string(kDelays) + "_count"), facts.waits - facts_before.waits);
    // To the nanosecond: a double of seconds holds that for 100 days.
    EXPECT_NEAR(growth(std::string(kDelays) + "_sum") * 1e9, facts.waited_ns - facts_before.waited_ns, 1);
    preempted_ = facts.preempted - facts_before.preempted;
  }

  static SchedulerFacts sum(const std::vector<pid_t>& processes) {
    SchedulerFacts all;
    for (const pid_t process : processes) {
      const SchedulerFacts one = facts_of(process);
      all.switches += one.switches;
      all.preempted += one.preempted;
      all.waits += one.waits;
      all.waited_ns += one.waited_ns;
    }
    return all;
  }

  TestCgroup target_{"target"};
  TestCgroup neighbour_{"neighbour"};
  Probe probe_;
  exporter::ContainerTable table_;
  double preempted_ = 0;
};

TEST_P(SchedulerTest, SwitchesAndWaitsOfAHundredThousandRoundTripsBesideABusyNeighbour) {
  for (const uint64_t round_trips : {uint64_t{23}, uint64_t{100'000}}) {
    Worker worker(target_, ping_pong);
    Neighbours neighbours(neighbour_, spin);
    worker.run(1);
    const pid_t partner = only_child_of(worker.process());
    wait_until_reading(partner);
    expect_row_agrees({worker.process(), partner}, [&] {
      neighbours.start();
      worker.run(round_trips);
      wait_until_reading(partner);
      neighbours.stop();
    });
  }
}

TEST_P(SchedulerTest, TasksThatArePreemptedWaitToo) {
  Worker one(target_, spin, 0);
  Worker other(target_, spin, 0);
  const auto preempted = [&] { return sum({one.process(), other.process()}).preempted; };
  expect_row_agrees({one.process(), other.process()}, [&] {
    const double before = preempted();
    one.start();
    other.start();
    // Both want the one CPU: the kernel takes it from them in turn.
    while (preempted() - before < 23) {
    }
    one.stop();
    other.stop();
  });
  EXPECT_GE(preempted_, 23);
}

/// More tasks than CPUs, so that the kernel moves waiting ones between run queues.
TEST_P(SchedulerTest, AWaitOnSeveralRunQueuesIsOneWait) {
  constexpr uint64_t kMoves = 3;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<pid_t> processes;
  for (int i = 0; i < 5; ++i) {
    workers.push_back(std::make_unique<Worker>(target_, spin));
    processes.push_back(workers.back()->process());
  }
  const auto migrations = [&] {
    uint64_t sum = 0;
    for (const pid_t process : processes) sum += migrations_of(process).value_or(0);
    return sum;
  };
  const bool told = migrations_of(processes.front()).has_value();
  const uint64_t before = migrations();
  expect_row_agrees(processes, [&] {
    for (const auto& worker : workers) worker->start();
    // As long as it takes, up to a minute: on a machine that is computed itself tasks are seldom moved.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    do {
      std::this_thread::sleep_for(std::chrono::seconds(1));
    } while (told && migrations() < before + kMoves && std::chrono::steady_clock::now() < deadline);
    for (const auto& worker : workers) worker->stop();
  });
  EXPECT_GT(preempted_, 0);
  if (told) {
    EXPECT_GE(migrations(), before + kMoves) << "this run has not tested what it is for";
  }
}

/// The waits of each bucket are within its bounds, so their sum is between the sums of the bounds.
TEST_P(SchedulerTest, BucketsHoldWaitsWithinTheirBounds) {
  Worker one(target_, spin, 0);
  Worker other(target_, spin, 0);
  Worker partners(target_, ping_pong);
  one.start();
  other.start();
  partners.run(1000);
  while (sum({one.process(), other.process()}).preempted < 50) {
  }
  one.stop();
  other.stop();
  const Exposition page = probe_.scrape(table_);
  double least = 0;
  double most = 0;
  double lower = 0;
  double counted = 0;
  for (const Sample& bucket : page.find(std::string(kDelays) + "_bucket", {{"container", "target"}})) {
    const double upper = std::stod(bucket.labels.at("le"));
    const double waits = bucket.value - std::exchange(counted, bucket.value);
    EXPECT_GE(waits, 0) << bucket.series();
    least += waits * lower;
    if (waits > 0) most += waits * upper;
    lower = upper;
  }
  const double sum = row_value(page, std::string(kDelays) + "_sum", "target");
  EXPECT_GE(sum, least);
  EXPECT_LE(sum, most);
  EXPECT_GT(least, 0.01);  // the two that spin wait for each other for milliseconds
  EXPECT_EQ(counted, row_value(page, std::string(kDelays) + "_count", "target"));
}

/// The thread that calls exec takes the process's id over, and with it everything that goes by it.
TEST_P(SchedulerTest, AThreadThatExecsKeepsItsOwnWaits) {
  Worker worker(target_, [](uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) exec_from_a_thread();
  });
  worker.run(20);
  const Exposition page = probe_.scrape(table_);
  // Were another task's account taken for its own, the difference would often be below 0, which is 78 hours.
  EXPECT_LT(row_value(page, std::string(kDelays) + "_sum", "target"), 600);
  EXPECT_GE(row_value(page, kSwitches, "target"), 20);
}

INSTANTIATE_TEST_SUITE_P(On, SchedulerTest,
                         testing::Values(std::nullopt, std::optional(identity::Hierarchy::kUnified)),
                         [](const auto& instance) { return instance.param ? "V2" : "TheHostsHierarchy"; });

}  // namespace
}  // namespace sonde::test
