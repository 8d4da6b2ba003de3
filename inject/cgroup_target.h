#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "identity/cgroup_mounts.h"

namespace sonde::inject {

/// A cgroup's folder in one hierarchy: v2, or one of v1's with its controllers.
struct CgroupFolder {
  std::string hierarchy;  ///< "unified" for v2; v1's controllers as mounted: "cpu,cpuacct", "name=systemd"
  bool unified = false;
  std::filesystem::path path;
};

/// Finds a cgroup again in the hierarchy of that name, for undo. `path` is that of CgroupTarget. Errors:
/// kNotFound where the hierarchy has it no more, kUnavailable where that cannot be seen from here.
Result<CgroupFolder> find_folder(std::string_view path, std::string_view hierarchy,
                                 std::span<const identity::MountEntry> mounts);

/// The cgroup mounts and others that the calling process sees.
std::vector<identity::MountEntry> mounts_here();

/// The cgroup a fault is meant for, in every hierarchy that has it (v1, v2, hybrid).
class CgroupTarget {
 public:
  /// Looks `path` up below every hierarchy's root: "/shop/api-2"; a full path below any mount
  /// (/sys/fs/cgroup/memory/shop/api-2) means the same. Errors: kNotFound where no hierarchy has it, kInvalid
  /// for the root however it is written (that would be the whole machine) and for a path with "..",
  /// kUnsupported where no hierarchy that has it accounts CPU time.
  static Result<CgroupTarget> find(std::string_view path);
  static Result<CgroupTarget> find(std::string_view path, std::span<const identity::MountEntry> mounts);

  /// Below the hierarchy root, with a leading slash.
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Its folder in each hierarchy that has it, measured by the exporter or not.
  [[nodiscard]] const std::vector<CgroupFolder>& folders() const { return folders_; }

  /// Moves the calling process into the cgroup in every hierarchy; call it before the process has threads.
  /// Errors: kPermission, or kUnavailable with the hierarchy and the kernel's word (EBUSY: not a leaf on v2).
  [[nodiscard]] Result<void> join() const;

  /// CPU time of everything in the cgroup so far (cpuacct.usage, or cpu.stat of v2). Errors: kNotFound.
  [[nodiscard]] Result<uint64_t> cpu_usage_ns() const;

  /// The tightest CPU limit of the cgroup and those above it, in cores; none where it is unlimited.
  [[nodiscard]] std::optional<double> cpu_limit_cores() const;

  /// Whether the process is listed in cgroup.procs of any of the folders.
  [[nodiscard]] bool contains(pid_t pid) const;

 private:
  std::string path_;
  std::vector<CgroupFolder> folders_;
};

}  // namespace sonde::inject
