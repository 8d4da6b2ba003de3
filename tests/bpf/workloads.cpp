#include "tests/bpf/workloads.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "tests/bpf/support/compat_calls.h"
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
  static const int kZero = ::open("/dev/zero", O_RDONLY);
  touch_new_pages(count, [](char* page) { (void)!::read(kZero, page, 1); });
}

/// vfork and clone with CLONE_VM make a process without copying this one: fast enough for 100,000.
void fork_and_wait() {
  const pid_t child = ::vfork();  // NOLINT(bugprone-unsafe-functions): one that copies nothing is the point
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
}

void exec_and_wait(const char* program) {
  const pid_t child = ::vfork();  // NOLINT(bugprone-unsafe-functions): one that copies nothing is the point
  if (child == 0) {
    ::execl(program, program, nullptr);
    ::_exit(127);
  }
  ::waitpid(child, nullptr, 0);
}

void* exec_tiny(void*) {
  ::execl(SONDE_TEST_TINY_PROGRAM, SONDE_TEST_TINY_PROGRAM, nullptr);
  ::_exit(127);
}

void start_thread_and_join() {
  pthread_t thread{};
  ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr);
  ::pthread_join(thread, nullptr);
}

/// A file of a megabyte on a disk, whose blocks are all there, so that I/O past the page cache is one request
/// each.
class DirectFile {
 public:
  DirectFile() {
    const std::string path = "/var/tmp/sonde-test-" + std::to_string(::getpid());
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT, 0600);
    ::unlink(path.c_str());
    for (offset_ = 0; offset_ < kSize; offset_ += kPage) {
      if (::pwrite(descriptor_, page_, kPage, offset_) != kPage) std::abort();
    }
    if (::fsync(descriptor_) != 0) std::abort();
  }
  void write() {
    if (::pwrite(descriptor_, page_, kPage, next()) != kPage) std::abort();
  }
  void read() {
    if (::pread(descriptor_, page_, kPage, next()) != kPage) std::abort();
  }

 private:
  static constexpr off_t kSize = 1 << 20;

  off_t next() { return offset_ = (offset_ + static_cast<off_t>(kPage)) % kSize; }

  int descriptor_ = -1;
  off_t offset_ = 0;
  alignas(kPage) char page_[kPage] = {};
};

DirectFile& direct_file() {
  static DirectFile file;
  return file;
}
void direct_write() {
  direct_file().write();
}
void direct_read() {
  direct_file().read();
}

std::vector<Workload> make_workloads() {
  constexpr const char* kSyscalls = "sonde_container_syscalls_total";
  constexpr const char* kMmaps = "sonde_container_mmap_calls_total";
  constexpr const char* kOpens = "sonde_container_file_opens_total";
  constexpr const char* kFaults = "sonde_container_page_faults_total";
  constexpr const char* kRequests = "sonde_container_block_requests_total";
  constexpr const char* kBytes = "sonde_container_block_bytes_total";
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
      {"Getppid",
       exact_syscalls,
       repeat([] { ::syscall(SYS_getppid); }),
       {syscalls(1), no_mmap, no_success, no_failure}},
      {"MmapAndMunmap", exact_syscalls, repeat(map_and_unmap), {syscalls(2), {kMmaps}}},
      {"Open",
       exact_syscalls,
       repeat([] { ::close(static_cast<int>(::syscall(SYS_open, kPresent, O_RDONLY))); }),
       {syscalls(2), success, no_failure}},
      {"Openat",
       exact_syscalls,
       repeat([] { ::close(::openat(AT_FDCWD, kPresent, O_RDONLY)); }),
       {syscalls(2), success, no_failure}},
      {"Openat2", exact_syscalls, repeat([] { open2(kPresent); }), {syscalls(2), success, no_failure}},
      {"Creat",
       exact_syscalls,
       repeat([] { ::close(static_cast<int>(::syscall(SYS_creat, kPresent, 0600))); }),
       {syscalls(2), success, no_failure}},
      {"OpenatOfAMissingFile",
       exact_syscalls,
       repeat([] { (void)!::openat(AT_FDCWD, kMissing, O_RDONLY); }),
       {syscalls(1), failure, no_success}},
      {"Openat2OfAMissingFile",
       exact_syscalls,
       repeat([] { open2(kMissing); }),
       {syscalls(2), failure, no_success}},
      {"UringOpenat",
       exact_syscalls,
       repeat([] { uring_open(kPresent); }),
       {syscalls(2), success, no_failure}},
      {"UringOpenatOfAMissingFile",
       exact_syscalls,
       repeat([] { uring_open(kMissing); }),
       {syscalls(1), failure, no_success}},
      {"UserPageFaults",
       faults,
       touch_in_user_mode,
       {{kFaults, {{"mode", "user"}}}, {kFaults, {{"mode", "kernel"}}, 0}}},
      {"KernelPageFaults",
       faults,
       touch_in_kernel_mode,
       {{kFaults, {{"mode", "kernel"}}}, {kFaults, {{"mode", "user"}}, 0}}},
      {"Forks",
       processes,
       repeat(fork_and_wait),
       {event("fork", 1), event("exit", 1), event("exec", 0), event("thread", 0)}},
      {"Execs",
       processes,
       repeat([] { exec_and_wait(SONDE_TEST_TINY_PROGRAM); }),
       {event("exec", 1), event("fork", 1), event("exit", 1)},
       20'000},  // one takes over a millisecond
      {"Threads",
       processes,
       repeat(start_thread_and_join),
       {event("thread", 1), event("fork", 0), event("exit", 0)}},
      {"CompatMmap",
       exact_syscalls,
       repeat([] {
         compat_map_and_unmap();
         compat_old_mmap();
       }),
       {syscalls(3), {kMmaps, {}, 2}, no_success, no_failure},
       100'000,
       true,
       true},
      {"CompatOpens",
       exact_syscalls,
       repeat(compat_open_five_files),
       {syscalls(9), no_mmap, {kOpens, {{"result", "success"}}, 4}, failure},
       100'000,
       true,
       true},
      {"CallsOfTheOtherTable",
       exact_syscalls,
       repeat(calls_of_the_other_table),
       {syscalls(8), no_mmap, no_success, no_failure},
       100'000,
       true,
       true},
      {"ThirtyTwoBitProgram",
       exact_syscalls,
       repeat([] { exec_and_wait(SONDE_TEST_COMPAT_PROGRAM); }),
       {{kMmaps, {}, 2}, {kOpens, {{"result", "success"}}, 4}, failure},
       10'000,
       true,
       true},
      {"DirectWrites",
       exporter::make_block_io_collector,
       repeat([] { direct_write(); }),
       {{kRequests, {{"operation", "write"}}},
        {kBytes, {{"operation", "write"}}, kPage},
        {kRequests, {{"operation", "read"}}, 0}},
       100'000,
       false},
      {"DirectReads",
       exporter::make_block_io_collector,
       repeat([] { direct_read(); }),
       {{kRequests, {{"operation", "read"}}},
        {kBytes, {{"operation", "read"}}, kPage},
        {kRequests, {{"operation", "write"}}, 0}},
       100'000,
       false},
  };
}

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> kAll = make_workloads();
  return kAll;
}

void exec_from_a_thread() {
  const pid_t child = ::fork();
  if (child == 0) {
    const timespec moment{.tv_sec = 0, .tv_nsec = 100'000};
    for (int i = 0; i < 100; ++i) ::nanosleep(&moment, nullptr);
    pthread_t thread{};
    ::pthread_create(&thread, nullptr, exec_tiny, nullptr);
    while (true) ::pause();
  }
  ::waitpid(child, nullptr, 0);
}

}  // namespace sonde::test
