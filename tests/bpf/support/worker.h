#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/bpf/support/test_cgroup.h"

namespace sonde::test {

/// Does a task `count` times. Runs in a child process, so it keeps what it needs in itself.
using Task = std::function<void(uint64_t count)>;

/// A child process in a cgroup that does its task when told to and sleeps in read() otherwise.
///
/// Each run costs it two system calls of its own: the write that says "done" and the read that waits.
class Worker {
 public:
  /// Calls of its own in each run.
  static constexpr uint64_t kOwnCalls = 2;
  /// Not bound to a CPU.
  static constexpr int kAnyCpu = -1;

  Worker(const TestCgroup& cgroup, const Task& task, int cpu = kAnyCpu);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Does the task `count` times and waits until the process sleeps in read() again: nothing of it is left to
  /// be counted.
  void run(uint64_t count);

  /// Starts doing it over and over, and returns when it does.
  void start();
  /// Ends that as run() does; returns how often it was done.
  uint64_t stop();

  [[nodiscard]] pid_t process() const { return process_; }

 private:
  struct Shared;

  void command(uint64_t count);
  uint64_t finish();

  Shared* shared_;  ///< memory of both processes, to speak without system calls
  pid_t process_ = 0;
  int command_ = -1;
  int answer_ = -1;
};

/// Waits until a process sleeps in the system call read(). Fails the test after ten seconds.
void wait_until_reading(pid_t process);

/// The busy neighbour: one worker on each CPU, in a cgroup of their own, doing the same task.
class Neighbours {
 public:
  Neighbours(const TestCgroup& cgroup, const Task& task);

  /// Starts them all, over and over, and returns when they do.
  void start();
  /// Ends that; returns how often the task was done by all together.
  uint64_t stop();
  /// Processes they are.
  [[nodiscard]] size_t size() const { return workers_.size(); }

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sonde::test
