#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/fault_report.h"
#include "inject/process.h"

namespace sonde::inject {

/// A `sonde-inject FAULT …` that this process started: an injector with a watchdog and a state file of its
/// own, which reports through a pipe and takes its fault back when this process ends. Threads: one, the one
/// that lives as long as the process.
class FaultChild {
 public:
  /// Errors: kUnavailable.
  static Result<FaultChild> start(const std::vector<std::string>& words);

  FaultChild(FaultChild&&) noexcept = default;
  FaultChild& operator=(FaultChild&&) noexcept = default;
  /// Waits for its end: a child is never left behind.
  ~FaultChild();

  /// Who it is.
  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }
  /// Readable when it has reported something; -1 once it has ended.
  [[nodiscard]] int report_descriptor() const { return reports_.get(); }
  /// Readable when it has ended; -1 once exit_code() has told that.
  [[nodiscard]] int end_descriptor() const { return exit_code_ ? -1 : process_.get(); }
  /// What it has reported since the last call; a line that is none of ours is skipped with a warning.
  std::vector<FaultReport> take_reports();
  /// Its exit code once it has ended, or -signal; nothing while it runs.
  std::optional<int> exit_code();
  /// Asks it to take its fault back and end.
  void ask_to_end() const;
  /// Leaves the fault to its watchdog.
  void kill() const;

 private:
  FaultChild() = default;

  FileDescriptor reports_;
  FileDescriptor process_;
  ProcessIdentity identity_;
  std::optional<int> exit_code_;
  std::string unread_;  ///< the beginning of a line
};

}  // namespace sonde::inject
