#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/cgroup_target.h"

namespace sonde::inject {

/// The kernel's switch that makes a cgroup, and all below it, stand still (v1: freezer.state, v2:
/// cgroup.freeze). It stays that of the cgroup that was found, should another be made at its path.
class Freezer {
 public:
  /// That of the cgroup; v1's where it is mounted, as container runtimes take it. Errors: kUnsupported.
  static Result<Freezer> find(const CgroupTarget& target);
  /// The one whose mark() that was, in the cgroup of that path. Errors: kNotFound where that cgroup is gone,
  /// be there another of its path or not; kInvalid where it is no mark; kUnavailable.
  static Result<Freezer> find_again(std::string_view cgroup, const std::string& mark,
                                    std::span<const identity::MountEntry> mounts);

  /// What tells the cgroup from every other one of this boot: its hierarchy and its folder's inode.
  [[nodiscard]] std::string mark() const;

  /// Asks for it; the kernel takes a moment. Errors: kNotFound where the cgroup is gone, kUnavailable.
  [[nodiscard]] Result<void> set_frozen(bool frozen) const;
  /// Whether all of it stands still now, by its own or an ancestor's switch. Errors: as set_frozen().
  [[nodiscard]] Result<bool> is_frozen() const;
  /// Whether it was asked for, of this cgroup or one above it. Errors: as set_frozen().
  [[nodiscard]] Result<bool> is_asked_for() const;

 private:
  static Result<Freezer> open(const CgroupFolder& folder);
  [[nodiscard]] Result<std::string> read_text(const char* name) const;

  CgroupFolder folder_;
  FileDescriptor directory_;
};

}  // namespace sonde::inject
