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
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Half of the hooks that the programs could use.
exporter::BpfOptions half_of_the_hooks() {
  return {.disabled_hooks = {"sys_exit", "io_uring_complete", "page_fault_user", "sched_process_exec",
                             "sched_wakeup", "sched_wakeup_new", "tcp_retransmit_synack", "cgroup_release"}};
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
  EXPECT_EQ(probe.capabilities().get("syscalls.sys_exit"), CapabilityReason::kNoHook);
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
  EXPECT_EQ(probe.capabilities().get("page_faults.page_fault_user"), CapabilityReason::kNoHook);
  EXPECT_EQ(probe.capabilities().get("page_faults.perf_event"), CapabilityReason::kAvailable);
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

TEST(MissingHooks, WithoutWakeUpsThereAreSwitchesAndNoHistogram) {
  Probe probe(exporter::make_scheduler_collector, half_of_the_hooks());
  const Exposition page = probe.scrape({});
  EXPECT_THAT(page.find("sonde_container_context_switches_total"), Not(IsEmpty()));
  EXPECT_THAT(page.find("sonde_container_run_queue_delay_seconds_count"), IsEmpty());
}

TEST(MissingHooks, TheRestOfTheTopicsStay) {
  for (const auto& make : {exporter::make_block_io_collector, exporter::make_tcp_retransmits_collector}) {
    Probe probe(make, half_of_the_hooks());
    EXPECT_TRUE(probe.try_scrape({}));
  }
}

TEST(MissingHooks, ATopicWithNoneLeftSaysSo) {
  Probe probe(exporter::make_block_io_collector, {.disabled_hooks = {"block_rq_issue", "block_rq_requeue"}});
  const auto page = probe.try_scrape({});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().message, "block_io: this kernel has none of the tracepoints it needs");
  EXPECT_EQ(probe.capabilities().get("block_io"), CapabilityReason::kNoHook);
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

}  // namespace
}  // namespace sonde::test
