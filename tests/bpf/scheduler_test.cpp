#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/bpf/support/ping_pong.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

constexpr const char* kSwitches = "sonde_container_context_switches_total";
constexpr const char* kDelays = "sonde_container_run_queue_delay_seconds";

/// What /proc says that the scheduler did with a process: the independent count.
struct SchedulerFacts {
  double switches = 0;   ///< voluntary and not
  double preempted = 0;  ///< those that were not
  double waited_seconds = 0;
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
  double running = 0;
  double waiting = 0;
  std::ifstream(folder + "/schedstat") >> running >> waiting;
  facts.waited_seconds = waiting / 1e9;
  return facts;
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
    const double unseen_before = lost("unseen_wakeup");
    work();
    const SchedulerFacts facts = sum(processes);
    const Exposition after = probe_.scrape(table_);
    const auto growth = [&](const std::string& metric) {
      return row_value(after, metric, "target") - row_value(before, metric, "target");
    };
    EXPECT_EQ(growth(kSwitches), facts.switches - facts_before.switches);
    // They slept before and after: each that left a CPU has come back to one, after a wait. Only waits that
    // the programs say they could not see may be missing: some kernels run no programs in some tasks'
    // context.
    const double unseen = lost("unseen_wakeup") - unseen_before;
    EXPECT_LE(growth(std::string(kDelays) + "_count"), facts.switches - facts_before.switches);
    // A switch away from such a task runs none either, so that wait is missing without a word: one in 10,000
    // at most.
    const double unseeable = 1e-4 * (facts.switches - facts_before.switches);
    EXPECT_GE(growth(std::string(kDelays) + "_count"),
              facts.switches - facts_before.switches - unseen - unseeable);
    // The kernel's own account starts when a task is queued, the tracepoint a little later.
    const double waited = facts.waited_seconds - facts_before.waited_seconds;
    EXPECT_NEAR(growth(std::string(kDelays) + "_sum"), waited, 0.2 * waited + 0.001);
    preempted_ = facts.preempted - facts_before.preempted;
  }

  double lost(std::string_view reason) {
    metrics::SeriesWriter writer;
    EXPECT_TRUE(make_bpf_self_collector(probe_.context())->collect({{}, SteadyClock::now()}, writer));
    return parse_exposition(writer.text())
        ->value("sonde_exporter_bpf_lost_events_total",
                {{"topic", "scheduler"}, {"reason", std::string(reason)}});
  }

  static SchedulerFacts sum(const std::vector<pid_t>& processes) {
    SchedulerFacts all;
    for (const pid_t process : processes) {
      const SchedulerFacts one = facts_of(process);
      all.switches += one.switches;
      all.preempted += one.preempted;
      all.waited_seconds += one.waited_seconds;
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

TEST_P(SchedulerTest, BucketsAddUpToTheCount) {
  Worker worker(target_, ping_pong);
  worker.run(1000);
  const Exposition page = probe_.scrape(table_);
  double last = 0;
  for (const Sample& bucket : page.find(std::string(kDelays) + "_bucket", {{"container", "target"}})) {
    EXPECT_GE(bucket.value, last) << bucket.series();
    last = bucket.value;
  }
  EXPECT_GE(last, 1000);
  EXPECT_EQ(last, row_value(page, std::string(kDelays) + "_count", "target"));
}

INSTANTIATE_TEST_SUITE_P(On, SchedulerTest,
                         testing::Values(std::nullopt, std::optional(identity::Hierarchy::kUnified)),
                         [](const auto& instance) { return instance.param ? "V2" : "TheHostsHierarchy"; });

}  // namespace
}  // namespace sonde::test
