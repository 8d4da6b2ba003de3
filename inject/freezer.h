#pragma once

#include <string>

#include "common/result.h"
#include "inject/cgroup_target.h"

namespace sonde::inject {

/// The kernel's switch that makes a cgroup, and all below it, stand still (v1: freezer.state, v2:
/// cgroup.freeze).
class Freezer {
 public:
  /// That of the cgroup; v1's where it is mounted, as container runtimes take it. Errors: kUnsupported.
  static Result<Freezer> find(const CgroupTarget& target);

  /// Asks for it; the kernel takes a moment. Errors: kUnavailable.
  [[nodiscard]] Result<void> set_frozen(bool frozen) const;
  /// Whether all of it stands still now, by its own or an ancestor's switch. Errors: kNotFound.
  [[nodiscard]] Result<bool> is_frozen() const;
  /// Whether it was asked for, of this cgroup or one above it. Errors: kNotFound.
  [[nodiscard]] Result<bool> is_asked_for() const;

 private:
  CgroupFolder folder_;
};

}  // namespace sonde::inject
