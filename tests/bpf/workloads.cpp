#include "tests/bpf/workloads.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/bpf/support/uring.h"

namespace sonde::test {
namespace {

constexpr size_t kPage = 4096;
constexpr const char* kPresent = "/dev/null";
constexpr const char* kMissing = "/nonexistent/file";

/// Runs `once` as often as asked.
template <class Once>
Task repeat(Once once) {
  return [once](uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) once();
  };
}

void open2(const char* path) {
  const open_how how{};
  ::close(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)));
}

void map_and_unmap() {
  void* page = ::mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::munmap(page, kPage);
}

/// Touches `count` new pages, a thousand at a time; small pages, so that each is a fault.
template <class Touch>
void touch_new_pages(uint64_t count, Touch touch) {
  constexpr uint64_t kAtOnce = 1000;
  for (uint64_t left = count; left > 0;) {
    const uint64_t now = std::min(left, kAtOnce);
    auto* pages = static_cast<char*>(
        ::mmap(nullptr, now * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::madvise(pages, now * kPage, MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < now; ++i) touch(pages + i * kPage);
    ::munmap(pages, now * kPage);
    left -= now;
  }
}

void touch_in_user_mode(uint64_t count) {
  touch_new_pages(count, [](volatile char* page) { *page = 1; });
}

void touch_in_kernel_mode(uint64_t count) {
  static const int zero = ::open("/dev/zero", O_RDONLY);
  touch_new_pages(count, [](char* page) { (void)!::read(zero, page, 1); });
}

/// vfork and clone with CLONE_VM make a process without copying this one: fast enough for 100,000.
void fork_and_wait() {
  const pid_t child = ::vfork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
}

void exec_and_wait() {
  const pid_t child = ::vfork();
  if (child == 0) {
    ::execl(SONDE_TEST_TINY_PROGRAM, "tiny", nullptr);
    ::_exit(127);
  }
  ::waitpid(child, nullptr, 0);
}

void start_thread_and_join() {
  pthread_t thread{};
  ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr);
  ::pthread_join(thread, nullptr);
}

std::vector<Workload> make_workloads() {
  constexpr const char* kSyscalls = "sonde_container_syscalls_total";
  constexpr const char* kMmaps = "sonde_container_mmap_calls_total";
  constexpr const char* kOpens = "sonde_container_file_opens_total";
  constexpr const char* kFaults = "sonde_container_page_faults_total";
  constexpr const char* kProcesses = "sonde_container_process_events_total";
  const auto faults = exporter::make_page_faults_collector;
  const auto processes = exporter::make_process_events_collector;
  const auto syscalls = [](uint64_t each) { return Expectation{kSyscalls, {}, each, Worker::kOwnCalls}; };
  const Expectation no_mmap{kMmaps, {}, 0};
  const Expectation success{kOpens, {{"result", "success"}}};
  const Expectation failure{kOpens, {{"result", "failure"}}};
  const Expectation no_success{kOpens, {{"result", "success"}}, 0};
  const Expectation no_failure{kOpens, {{"result", "failure"}}, 0};
  const auto event = [](std::string_view name, uint64_t each) {
    return Expectation{kProcesses, {{"event", std::string(name)}}, each};
  };
  return {
      {"Getppid", exact_syscalls, repeat([] { ::syscall(SYS_getppid); }),
       {syscalls(1), no_mmap, no_success, no_failure}},
      {"MmapAndMunmap", exact_syscalls, repeat(map_and_unmap), {syscalls(2), {kMmaps}}},
      {"Open", exact_syscalls, repeat([] { ::close(static_cast<int>(::syscall(SYS_open, kPresent, O_RDONLY))); }),
       {syscalls(2), success, no_failure}},
      {"Openat", exact_syscalls, repeat([] { ::close(::openat(AT_FDCWD, kPresent, O_RDONLY)); }),
       {syscalls(2), success, no_failure}},
      {"Openat2", exact_syscalls, repeat([] { open2(kPresent); }), {syscalls(2), success, no_failure}},
      {"Creat", exact_syscalls, repeat([] { ::close(static_cast<int>(::syscall(SYS_creat, kPresent, 0600))); }),
       {syscalls(2), success, no_failure}},
      {"OpenatOfAMissingFile", exact_syscalls, repeat([] { (void)!::openat(AT_FDCWD, kMissing, O_RDONLY); }),
       {syscalls(1), failure, no_success}},
      {"Openat2OfAMissingFile", exact_syscalls, repeat([] { open2(kMissing); }),
       {syscalls(2), failure, no_success}},
      {"UringOpenat", exact_syscalls, repeat([] { uring_open(kPresent); }), {syscalls(2), success, no_failure}},
      {"UringOpenatOfAMissingFile", exact_syscalls, repeat([] { uring_open(kMissing); }),
       {syscalls(1), failure, no_success}},
      {"UserPageFaults", faults, touch_in_user_mode, {{kFaults, {{"mode", "user"}}}, {kFaults, {{"mode", "kernel"}}, 0}}},
      {"KernelPageFaults", faults, touch_in_kernel_mode,
       {{kFaults, {{"mode", "kernel"}}}, {kFaults, {{"mode", "user"}}, 0}}},
      {"Forks", processes, repeat(fork_and_wait), {event("fork", 1), event("exit", 1), event("exec", 0), event("thread", 0)}, true},
      {"Execs", processes, repeat(exec_and_wait), {event("exec", 1), event("fork", 1), event("exit", 1)}, true},
      {"Threads", processes, repeat(start_thread_and_join),
       {event("thread", 1), event("fork", 0), event("exit", 0)}, true},
  };
}

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = make_workloads();
  return all;
}

}  // namespace sonde::test
