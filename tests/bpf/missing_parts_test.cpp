#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bpf/support/in_child.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

using exporter::CapabilityReason;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Half of the hooks that the programs could use.
exporter::BpfOptions half_of_the_hooks() {
  return {.disabled_hooks = {"sys_exit", "io_uring_complete", "page_fault_user", "sched_process_exec",
                             "sched_info", "tcp_retransmit_synack", "cgroup_notify_populated"}};
}

/// The reasons of a feature's rows, of which there is one or none.
std::vector<std::string> capability_reasons(Probe& probe, const std::string& feature) {
  metrics::SeriesWriter writer;
  probe.capabilities().write(writer);
  const Exposition page = *parse_exposition(writer.text());
  std::vector<std::string> reasons;
  for (const Sample& sample : page.find("sonde_exporter_capability", {{"feature", feature}})) {
    reasons.push_back(sample.labels.at("reason"));
  }
  return reasons;
}

void open_and_map(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    ::syscall(SYS_getppid);
    ::close(static_cast<int>(::syscall(SYS_openat, -1, "/dev/null", 0)));
  }
}

void touch_pages(uint64_t count) {
  constexpr size_t kPage = 4096;
  auto* pages = static_cast<volatile char*>(
      ::mmap(nullptr, count * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ::madvise(const_cast<char*>(pages), count * kPage, MADV_NOHUGEPAGE);
  for (uint64_t i = 0; i < count; ++i) pages[i * kPage] = 1;
  ::munmap(const_cast<char*>(pages), count * kPage);
}

TEST(MissingHooks, SyscallsAreExactWithoutTheReturns) {
  const TestCgroup cgroup("target");
  Probe probe(exact_syscalls, half_of_the_hooks());
  Worker worker(cgroup, open_and_map);
  const auto table = table_of({&cgroup});
  const double before = row_value(probe.scrape(table), "sonde_container_syscalls_total", "target");
  worker.run(23);
  const Exposition page = probe.scrape(table);
  EXPECT_EQ(row_value(page, "sonde_container_syscalls_total", "target") - before, 3 * 23 + Worker::kOwnCalls);
  EXPECT_THAT(page.find("sonde_container_file_opens_total"), IsEmpty());
  EXPECT_EQ(probe.capabilities().get("syscalls.sys_enter"), CapabilityReason::kAvailable);
  EXPECT_EQ(probe.capabilities().get("syscalls.sys_exit"), CapabilityReason::kDisabled);
  EXPECT_THAT(capability_reasons(probe, "syscalls.sys_exit"), ElementsAre("disabled"));
}

TEST(MissingHooks, PageFaultsComeFromThePerfEventThen) {
  const TestCgroup cgroup("target");
  Probe probe(exporter::make_page_faults_collector, half_of_the_hooks());
  Worker worker(cgroup, touch_pages);
  const auto table = table_of({&cgroup});
  worker.run(23);
  for (const uint64_t pages : {23U, 10'000U}) {
    const auto faults = [&](std::string_view mode) {
      return row_value(probe.scrape(table), "sonde_container_page_faults_total", "target",
                       {{"mode", std::string(mode)}});
    };
    const double user = faults("user");
    worker.run(pages);
    EXPECT_EQ(faults("user") - user, pages);
  }
  EXPECT_THAT(capability_reasons(probe, "page_faults.page_fault_user"), ElementsAre("disabled"));
  EXPECT_THAT(capability_reasons(probe, "page_faults.page_fault_kernel"), IsEmpty());
  EXPECT_THAT(capability_reasons(probe, "page_faults.perf_event"), ElementsAre("available"));
  EXPECT_THAT(capability_reasons(probe, "page_faults"), ElementsAre("available"));
}

TEST(MissingHooks, AnEventThatCannotBeSeenIsAbsentNotZero) {
  const TestCgroup cgroup("target");
  Probe probe(exporter::make_process_events_collector, half_of_the_hooks());
  const Exposition page = probe.scrape(table_of({&cgroup}));
  const auto samples = [&page](std::string_view event) {
    return page.find("sonde_container_process_events_total",
                     {{"event", std::string(event)}, {"container", "target"}});
  };
  EXPECT_THAT(samples("fork"), Not(IsEmpty()));
  EXPECT_THAT(samples("exit"), Not(IsEmpty()));
  EXPECT_THAT(samples("exec"), IsEmpty());
}

TEST(MissingHooks, WithoutTheKernelsAccountOfWaitsThereAreSwitchesAndNoHistogram) {
  Probe probe(exporter::make_scheduler_collector, half_of_the_hooks());
  const Exposition page = probe.scrape({});
  EXPECT_THAT(page.find("sonde_container_context_switches_total"), Not(IsEmpty()));
  EXPECT_THAT(page.find("sonde_container_run_queue_delay_seconds_count"), IsEmpty());
  EXPECT_THAT(capability_reasons(probe, "scheduler.sched_info"), ElementsAre("disabled"));
}

TEST(MissingHooks, TheRestOfTheTopicsStay) {
  for (const auto& make : {exporter::make_block_io_collector, exporter::make_tcp_retransmits_collector}) {
    Probe probe(make, half_of_the_hooks());
    EXPECT_TRUE(probe.try_scrape({}));
  }
}

TEST(MissingHooks, ATopicWithNoneLeftSaysSo) {
  Probe probe(exporter::make_process_events_collector,
              {.disabled_hooks = {"sched_process_fork", "sched_process_exec", "sched_process_exit"}});
  const auto page = probe.try_scrape({});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().message, "process_events: --bpf.disable-hook takes away all tracepoints it needs");
  EXPECT_THAT(capability_reasons(probe, "process_events"), ElementsAre("disabled"));
}

TEST(MissingHooks, ATopicThatIsOffForLackOfOneHasARowOfItsCollectorsName) {
  const struct {
    Probe::Factory make;
    std::string topic;
    std::string hook;
  } cases[] = {{exporter::make_block_io_collector, "block_io", "block_rq_issue"},
               {exporter::make_scheduler_collector, "scheduler", "sched_switch"},
               {exporter::make_tcp_retransmits_collector, "tcp_retransmits", "tcp_retransmit_skb"}};
  for (const auto& [make, topic, hook] : cases) {
    Probe probe(make, {.disabled_hooks = {hook}});
    const auto page = probe.try_scrape({});
    ASSERT_FALSE(page) << topic;
    EXPECT_THAT(page.error().message, HasSubstr(topic + ": --bpf.disable-hook=" + hook));
    EXPECT_THAT(capability_reasons(probe, topic), ElementsAre("disabled"));
  }
}

TEST(MissingHooks, ARequestIsSeenFromItsIssueToItsEnd) {
  Probe probe(exporter::make_block_io_collector);
  for (const char* const hook : {"block_rq_issue", "block_rq_requeue", "block_rq_complete"}) {
    EXPECT_THAT(capability_reasons(probe, std::string("block_io.") + hook), ElementsAre("available")) << hook;
  }
}

/// Keeps these capabilities and no others.
void keep_capabilities(std::initializer_list<int> kept) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (const int capability : kept) {
    data[capability / 32].effective |= 1U << (capability % 32);
    data[capability / 32].permitted |= 1U << (capability % 32);
  }
  if (::syscall(SYS_capset, &header, data) != 0) ::_exit(1);
}

/// The error of a scrape and the reason of the capability; "works" where there is no error.
std::string outcome() {
  Probe probe(exporter::make_process_events_collector);
  const auto page = probe.try_scrape({});
  if (page) return "works";
  return page.error().message + " | " +
         std::string(capability_reason_word(probe.capabilities().get("process_events")));
}

TEST(MissingRights, WithoutCapabilitiesTheErrorNamesThem) {
  const std::string text = in_child([] {
    keep_capabilities({});
    return outcome();
  });
  EXPECT_THAT(text, HasSubstr("CAP_BPF and CAP_PERFMON"));
  EXPECT_THAT(text, HasSubstr("| missing_capability"));
}

TEST(MissingRights, OneOfTheTwoIsNotEnough) {
  const std::string text = in_child([] {
    keep_capabilities({CAP_BPF});
    return outcome();
  });
  EXPECT_THAT(text, HasSubstr("| missing_capability"));
}

TEST(MissingRights, TheTwoAreEnough) {
  const std::string text = in_child([] {
    keep_capabilities({CAP_BPF, CAP_PERFMON});
    return outcome();
  });
  EXPECT_EQ(text, "works");
}

TEST(MissingRights, WithoutBtfTheErrorNamesTheKernelOption) {
  const std::string text = in_child([]() -> std::string {
    // An empty directory over the kernel's, in a mount namespace of this child.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/sys/kernel/btf", "tmpfs", 0, nullptr) != 0) {
      return "cannot hide the kernel's BTF";
    }
    return outcome();
  });
  EXPECT_THAT(text, HasSubstr("CONFIG_DEBUG_INFO_BTF=y"));
  EXPECT_THAT(text, HasSubstr("| no_btf"));
}

TEST(MissingRights, EachCollectorThatFailsHasACapabilityRowOfItsName) {
  const std::string text = in_child([] {
    keep_capabilities({});
    const std::pair<const char*, Probe::Factory> collectors[] = {
        {"syscalls", exact_syscalls},
        {"page_faults", exporter::make_page_faults_collector},
        {"process_events", exporter::make_process_events_collector},
        {"scheduler", exporter::make_scheduler_collector},
        {"block_io", exporter::make_block_io_collector},
        {"tcp_retransmits", exporter::make_tcp_retransmits_collector},
        {"packet_drops", exporter::make_packet_drops_collector},
        {"bpf_self", exporter::make_bpf_self_collector}};
    std::string wrong;
    for (const auto& [name, make] : collectors) {
      Probe probe(make);
      const bool fails = !probe.try_scrape({});
      if (!fails || capability_reasons(probe, name) != std::vector<std::string>{"missing_capability"}) {
        wrong += std::string(name) + ' ';
      }
    }
    return wrong;
  });
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace sonde::test
