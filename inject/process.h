#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde::inject {

/// A process that a reused pid cannot be mistaken for.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  ///< field 22 of /proc/PID/stat: clock ticks from boot to its start

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

/// What /proc/PID/stat tells of a process.
struct ProcessStat {
  std::string name;  ///< at most 15 characters
  char state = '?';  ///< 'Z' a zombie, 'X' dead
  pid_t parent = 0;
  pid_t group = 0;  ///< its process group
  uint64_t start_ticks = 0;

  [[nodiscard]] bool runs() const { return state != 'Z' && state != 'X'; }
};

/// Errors: kNotFound.
Result<ProcessStat> read_process_stat(pid_t pid);

/// Who `pid` is now. Errors: kNotFound.
Result<ProcessIdentity> identify(pid_t pid);

/// Whether it still runs; a zombie does not.
bool is_running(const ProcessIdentity& process);

/// A pidfd, readable once the process has exited. Errors: kNotFound where it is gone or its pid was reused.
Result<FileDescriptor> open_process(const ProcessIdentity& process);

/// A pidfd of the calling process, for those it forks; none where the kernel is older than 5.3.
FileDescriptor open_this_process();

/// Sends a signal through a pidfd; false with errno where that failed.
bool send_signal(const FileDescriptor& process, int signal_number);

/// Kills it (SIGKILL) and waits until it is gone; reaps it where it is our child. A process that was gone
/// before is success. Errors: kTimeout, kPermission.
Result<void> end_process(const ProcessIdentity& process, std::chrono::milliseconds patience);

/// CPU time of the process so far, all its threads, exact to the nanosecond. Errors: kNotFound.
Result<uint64_t> cpu_time_ns(pid_t pid);

/// This boot's id: process identities mean nothing after the next.
std::string boot_id();

}  // namespace sonde::inject
