#pragma once

#include <chrono>
#include <filesystem>

#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/process.h"

namespace sonde::inject {

/// How long after a fault's planned end, which the injector keeps itself, the watchdog takes it for hung.
inline constexpr std::chrono::seconds kLeaseGrace(10);

/// A process that outlives the injector: once the injector is gone, or the lease has run out, it undoes the
/// fault that the state file describes and ends. It runs in a session of its own and takes no signal but
/// SIGKILL, so that what ends the injector (Ctrl-C, a killed process group, SIGKILL) leaves it its work.
///
/// Three things stand behind each other: the injector undoes its fault; else the watchdog; and a process put
/// into the target dies with the injector by PR_SET_PDEATHSIG in any case. `sonde-inject undo` removes what a
/// death of both at once may leave.
class Watchdog {
 public:
  /// Forks it for the calling process, which is `injector`; that must have one thread still. Errors:
  /// kUnavailable.
  static Result<Watchdog> start(const std::filesystem::path& state_path, const ProcessIdentity& injector,
                                std::chrono::milliseconds lease);

  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }
  /// Readable once it is gone: then nobody guards the fault.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  /// The fault is undone: ends the watchdog and reaps it.
  void dismiss();

 private:
  ProcessIdentity identity_;
  FileDescriptor descriptor_;
};

}  // namespace sonde::inject
