#pragma once

#include <functional>

#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/network/target_network.h"
#include "inject/process.h"

namespace sonde::inject {

/// A process of ours in the container's network, but not in its cgroup, that holds what the kernel keeps only
/// as long as its holder lives: the fault ends with it, and it with the injector (PR_SET_PDEATHSIG) or the
/// lease.
class Keeper {
 public:
  /// What it does, in the process of its own.
  struct Work {
    /// Puts the fault in place. Errors: told to start().
    std::function<Result<void>()> place;
    /// Keeps it until the descriptor is readable or the time has come; what waits is let go before it
    /// returns.
    std::function<void(int end_descriptor, SteadyTime lease_end)> keep;
  };

  /// Forks it; it waits for start(). REQUIRES: one thread. Errors: kUnavailable.
  static Result<Keeper> fork(const TargetNetwork& network, SteadyTime lease_end, const Work& work);

  /// Lets it put the fault in place. Errors: what `place` said, or kUnavailable where it died.
  Result<void> start();

  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }
  /// Readable once it is gone; -1 where there is none.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }

 private:
  ProcessIdentity identity_;
  FileDescriptor descriptor_;
  FileDescriptor go_;
  FileDescriptor answer_;
};

/// Asks a keeper to end (SIGTERM: it lets go what it holds), kills it where it does not. Errors: as
/// end_process().
Result<void> end_keeper(const ProcessIdentity& keeper);

}  // namespace sonde::inject
