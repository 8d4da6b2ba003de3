#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/cgroup_target.h"
#include "inject/fault_state.h"
#include "inject/process.h"

namespace sonde::inject {

/// What a fault's process and its injector tell each other while the fault lasts: a page that both have
/// mapped.
struct SharedFigures {
  std::atomic<double> level{1};     ///< set by the injector: how much of what was asked is in effect, 0 to 1
  std::atomic<uint64_t> amount{0};  ///< what the process has done, in the fault's own unit
  std::atomic<uint64_t> losses{0};  ///< how often it was thwarted: killed, refused
  std::atomic<int> worker{0};       ///< pid of the child that does the work now, where it has one
};
static_assert(std::atomic<double>::is_always_lock_free && std::atomic<uint64_t>::is_always_lock_free);

/// A process of ours in the target's cgroups, forked before the fault has begun and put to work by start().
///
/// It dies with the injector (PR_SET_PDEATHSIG) and by itself when the lease is over. Where the target's
/// memory runs out, the kernel takes it first (oom_score_adj 1000), never the container's own process. It
/// leads a process group of its own, by which its children are found again. Threads: one.
class InjectedProcess {
 public:
  struct Task {
    const char* name;  ///< of the process, at most 15 characters, "sonde-…": undo knows its kin by it
    /// Its whole life in the cgroup; returning ends it. Of descriptors it has 0 to 2 and kFile.
    std::function<void(SharedFigures& figures, SteadyTime lease_end)> work;
    int file = -1;  ///< a descriptor that it keeps, as kFile; the caller's stays open
  };
  static constexpr int kFile = 3;

  InjectedProcess() = default;
  ~InjectedProcess();
  InjectedProcess(const InjectedProcess&) = delete;
  InjectedProcess& operator=(const InjectedProcess&) = delete;

  /// Forks it and notes it in `state`; it waits. The calling process has one thread still. Errors: kInvalid
  /// where the cgroup is paused, kUnavailable.
  Result<void> prepare(const CgroupTarget& target, FaultState& state, const Task& task);
  /// Lets it join the cgroup and work. Errors: why it could not join; kTimeout after ten seconds,
  /// kUnavailable where SIGINT or SIGTERM come meanwhile.
  Result<void> start();

  [[nodiscard]] SharedFigures& figures() const { return *figures_; }
  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }
  [[nodiscard]] bool runs() const { return is_running(identity_); }
  /// Readable once it is gone.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }

 private:
  SharedFigures* figures_ = nullptr;
  ProcessIdentity identity_;
  FileDescriptor descriptor_;
  FileDescriptor go_;
  FileDescriptor answer_;
};

/// For a child of an injected process, first thing: it dies with its parent, whose pid is `parent`.
void die_with_parent(pid_t parent);

/// Of the injected process and its children those that are in the cgroup and run, ascending.
std::vector<ProcessIdentity> kin_of(const ProcessIdentity& injected, const CgroupTarget& target);

/// Kills the processes that the state names, and their children, and waits until they are gone.
/// Errors: kTimeout, kPermission.
Result<void> end_injected_processes(const FaultState& state);

}  // namespace sonde::inject
