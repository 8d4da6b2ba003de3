#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "tests/inject/test_cgroup.h"

namespace sonde::inject {

/// A container's process, for a fault to disturb: in the test's cgroup it tries again and again to open a
/// file, to start a process and to count on, and tells how that goes. Gone at the end, thawed before.
class Victim {
 public:
  struct Figures {
    std::atomic<uint64_t> rounds{0};  ///< about a hundred a second
    std::atomic<int> open_error{0};   ///< errno of the last try to open a file; 0 where it went well
    std::atomic<int> fork_error{0};   ///< errno of the last try to start a process
    std::atomic<int> child{0};        ///< pid of a child that lives on, once there is one
  };

  /// `user`: whose process it is.
  explicit Victim(const TestCgroup& cgroup, uid_t user = 0);
  ~Victim();
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const Figures& figures() const { return *figures_; }
  /// Makes it start a child that stays; its pid.
  [[nodiscard]] pid_t start_child() const;
  /// Whether it goes on counting.
  [[nodiscard]] bool is_alive() const;
  /// The soft limit of open files of a process, by /proc/PID/limits.
  [[nodiscard]] static uint64_t file_limit(pid_t pid);

 private:
  struct Shared;

  const TestCgroup& cgroup_;
  Shared* shared_ = nullptr;
  Figures* figures_ = nullptr;
  pid_t pid_ = 0;
};

}  // namespace sonde::inject
