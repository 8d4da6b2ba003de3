#include "tests/bpf/support/worker.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

namespace sonde::test {
namespace {

void bind_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) ::_exit(1);
}

/// The command that means "until stopped", and how often the task is done between two looks at the flag.
constexpr uint64_t kUntilStopped = ~uint64_t{0};
constexpr uint64_t kAtOnce = 10;

}  // namespace

struct Worker::Shared {
  std::atomic<bool> busy{false};
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> repetitions{0};

  void obey(const Task& task, uint64_t count) {
    if (count != kUntilStopped) {
      task(count);
      return;
    }
    for (repetitions = 0; !stop; repetitions += kAtOnce) {
      task(kAtOnce);
      busy = true;
    }
  }

  [[noreturn]] void serve(const Task& task, int command, int answer) {
    uint64_t count = 0;
    while (::read(command, &count, sizeof count) == sizeof count) {
      obey(task, count);
      const char done = '.';
      if (::write(answer, &done, 1) != 1) break;
    }
    ::_exit(0);
  }
};

Worker::Worker(const TestCgroup& cgroup, const Task& task, int cpu) {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap");
  shared_ = new (memory) Shared;
  int command[2];
  int answer[2];
  if (::pipe(command) != 0 || ::pipe(answer) != 0) throw std::runtime_error("pipe");
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(command[1]);
    ::close(answer[0]);
    if (cpu != kAnyCpu) bind_to(cpu);
    shared_->serve(task, command[0], answer[1]);
  }
  ::close(command[0]);
  ::close(answer[1]);
  command_ = command[1];
  answer_ = answer[0];
  cgroup.add(process_);
  wait_until_reading(process_);
}

Worker::~Worker() {
  ::close(command_);
  ::close(answer_);
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  ::munmap(shared_, sizeof(Shared));
}

void Worker::command(uint64_t count) {
  if (::write(command_, &count, sizeof count) != sizeof count) throw std::runtime_error("the worker is gone");
}

uint64_t Worker::finish() {
  char done = 0;
  if (::read(answer_, &done, 1) != 1) throw std::runtime_error("the worker ended before its task did");
  wait_until_reading(process_);
  return shared_->repetitions;
}

void Worker::run(uint64_t count) {
  command(count);
  finish();
}

void Worker::start() {
  shared_->stop = false;
  shared_->busy = false;
  command(kUntilStopped);
  while (!shared_->busy) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

uint64_t Worker::stop() {
  shared_->stop = true;
  return finish();
}

void wait_until_reading(pid_t process) {
  const std::string path = "/proc/" + std::to_string(process) + "/syscall";
  const std::string reading = std::to_string(SYS_read) + " ";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    if (line.starts_with(reading)) return;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  FAIL() << "process " << process << " does not come back to read()";
}

Neighbours::Neighbours(const TestCgroup& cgroup, const Task& task) {
  for (int cpu = 0; cpu < static_cast<int>(std::thread::hardware_concurrency()); ++cpu) {
    workers_.push_back(std::make_unique<Worker>(cgroup, task, cpu));
  }
}

void Neighbours::start() {
  for (const auto& worker : workers_) worker->start();
}

uint64_t Neighbours::stop() {
  uint64_t repetitions = 0;
  for (const auto& worker : workers_) repetitions += worker->stop();
  return repetitions;
}

}  // namespace sonde::test
