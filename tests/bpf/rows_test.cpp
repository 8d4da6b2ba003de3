#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bpf/support/bpf_stats.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

constexpr const char* kSyscalls = "sonde_container_syscalls_total";
constexpr const char* kLost = "sonde_exporter_bpf_lost_events_total";

void getppid_repeatedly(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) ::syscall(SYS_getppid);
}

/// A table with one container, `outer`, that owns the cgroups `inner` too.
exporter::ContainerTable container_with(const TestCgroup& outer,
                                        const std::vector<identity::CgroupIds>& inner) {
  exporter::ContainerTable::Owners owners;
  const auto own = [&owners](const identity::CgroupIds& ids) {
    for (size_t i = 0; i < owners.size(); ++i) {
      if (ids[i] != 0) owners[i][ids[i]] = 0;
    }
  };
  own(outer.ids());
  for (const identity::CgroupIds& ids : inner) own(ids);
  return {{outer.container()}, {}, std::move(owners)};
}

TEST(Rows, AKnownContainerHasARowOfZeroBeforeItsFirstEvent) {
  const TestCgroup cgroup("target");
  for (const auto& [make, metric] :
       {std::pair{Probe::Factory(exact_syscalls), kSyscalls},
        std::pair{Probe::Factory(exporter::make_page_faults_collector), "sonde_container_page_faults_total"},
        std::pair{Probe::Factory(exporter::make_process_events_collector),
                  "sonde_container_process_events_total"},
        std::pair{Probe::Factory(exporter::make_scheduler_collector),
                  "sonde_container_run_queue_delay_seconds_count"},
        std::pair{Probe::Factory(exporter::make_block_io_collector), "sonde_container_block_bytes_total"}}) {
    Probe probe(make);
    const auto samples = probe.scrape(table_of({&cgroup})).find(metric, {{"container", "target"}});
    EXPECT_FALSE(samples.empty()) << metric;
    for (const Sample& sample : samples) EXPECT_EQ(sample.value, 0) << sample.series();
  }
}

TEST(Rows, NoLabelSetAppearsTwice) {
  const TestCgroup cgroup("target");
  Probe probe(exact_syscalls);
  // Two containers that a runtime gave the same names.
  const exporter::ContainerTable table({cgroup.container(), cgroup.container()}, {},
                                       exporter::ContainerTable::Owners{});
  EXPECT_EQ(duplicate_series(probe.scrape(table)), std::vector<std::string>{});
}

TEST(Rows, DescendantsComeAndGoAndTheContainersRowKeepsTheirCounts) {
  const TestCgroup outer("target");
  Probe probe(exact_syscalls);
  std::vector<identity::CgroupIds> inner_ids;
  double expected = 0;
  for (int life = 0; life < 3; ++life) {
    {
      const TestCgroup inner("target/inner");
      inner_ids.push_back(inner.ids());
      const auto table = container_with(outer, inner_ids);
      Worker worker(inner, getppid_repeatedly);
      const double before = row_value(probe.scrape(table), kSyscalls, "target");
      EXPECT_GE(before, expected);
      worker.run(23);
      expected = before + 23 + Worker::kOwnCalls;
      EXPECT_EQ(row_value(probe.scrape(table), kSyscalls, "target"), expected);
    }
    // Removed; the table still knows whose it was, and then forgets.
    EXPECT_GE(row_value(probe.scrape(container_with(outer, inner_ids)), kSyscalls, "target"), expected);
    EXPECT_GE(row_value(probe.scrape(container_with(outer, {})), kSyscalls, "target"), expected);
  }
}

TEST(Rows, ASuccessorWithTheSameLabelsGoesOnWhereTheOtherEnded) {
  Probe probe(exact_syscalls);
  double before = 0;
  for (int life = 0; life < 2; ++life) {
    const TestCgroup cgroup("target");
    Worker worker(cgroup, getppid_repeatedly);
    worker.run(23);
    const double now = row_value(probe.scrape(table_of({&cgroup})), kSyscalls, "target");
    EXPECT_GE(now, before + 23);
    before = now;
    (void)probe.scrape({});
  }
}

TEST(Rows, WhatBelongsToNoContainerIsTheHostRowsUnlessItIsSwitchedOff) {
  const TestCgroup cgroup("target");
  Worker worker(cgroup, getppid_repeatedly);
  Probe probe(exact_syscalls);
  const double before = row_value(probe.scrape({}), kSyscalls, "");
  worker.run(100'000);
  (void)probe.scrape({});  // a new cgroup's counts are the host's from its second reading on
  EXPECT_GE(row_value(probe.scrape({}), kSyscalls, "") - before, 100'000);

  Probe without(exact_syscalls, {.host_row = false});
  EXPECT_TRUE(without.scrape({}).find(kSyscalls).empty());
}

TEST(Rows, TheirSumIsWhatTheProgramSaw) {
  const BpfStatsEnabled stats(true);
  const TestCgroup target("target");
  const TestCgroup neighbour("neighbour");
  Probe probe(exact_syscalls);
  Worker worker(target, getppid_repeatedly);
  Neighbours neighbours(neighbour, getppid_repeatedly);
  neighbours.start();
  worker.run(100'000);
  neighbours.stop();
  const auto table = table_of({&target, &neighbour});
  const auto runs = [&probe] {
    return static_cast<double>(run_count(probe.context(), "syscalls", "sys_enter"));
  };
  // A run that is under way on a CPU may have counted and not ended.
  const auto cpus = static_cast<double>(std::thread::hardware_concurrency());
  (void)probe.scrape(table);  // what no container owns has a row from its second reading on
  const double least = runs();
  const double sum = sum_of_rows(probe.scrape(table), kSyscalls);
  const double most = runs() + cpus;
  EXPECT_GE(sum, least - cpus);
  EXPECT_LE(sum, most);
}

TEST(FullMap, EventsThatFindNoRoomAreCounted) {
  const BpfStatsEnabled stats(true);
  const std::array<TestCgroup, 3> cgroups{TestCgroup("a"), TestCgroup("b"), TestCgroup("c")};
  Probe probe(exact_syscalls, {.max_cgroups = 2});
  std::vector<const TestCgroup*> all;
  for (const TestCgroup& cgroup : cgroups) {
    Worker worker(cgroup, getppid_repeatedly);
    worker.run(23);
    all.push_back(&cgroup);
  }
  const auto runs = [&probe] {
    return static_cast<double>(run_count(probe.context(), "syscalls", "sys_enter"));
  };
  (void)probe.scrape(table_of(all));  // what no container owns has a row from its second reading on
  const double least = runs();
  const double counted = sum_of_rows(probe.scrape(table_of(all)), kSyscalls);

  metrics::SeriesWriter writer;
  const auto self = make_bpf_self_collector(probe.context());
  ASSERT_TRUE(self->collect({table_of({}), SteadyClock::now()}, writer));
  const Exposition page = *parse_exposition(writer.text());
  const double lost = page.value(kLost, {{"topic", "syscalls"}, {"reason", "map_full"}});
  const double most = runs();
  // Three cgroups and the root's do not fit into two entries.
  EXPECT_GE(lost, 2 * 23);
  const auto cpus = static_cast<double>(std::thread::hardware_concurrency());
  EXPECT_GE(counted + lost, least - cpus);
  // A lost open is one more event than a lost call; nobody else opens much meanwhile.
  EXPECT_LE(counted + lost, most + runs() - least + 1000);
  EXPECT_EQ(page.value("sonde_exporter_bpf_map_entries_max", {{"topic", "syscalls"}}), 2);
}

}  // namespace
}  // namespace sonde::test
