#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "identity/hierarchy.h"

namespace sonde::identity {

/// Where this program finds the host's file systems; other than the defaults in a container or a test.
struct HostRoots {
  std::string procfs = "/proc";
  std::string cgroupfs = "/sys/fs/cgroup";
};

/// One line of /proc/PID/mountinfo, names unescaped. Source: proc(5).
struct MountEntry {
  std::string root;   ///< which part of the file system is mounted: "/" for all of it
  std::string point;  ///< where
  std::string type;   ///< "cgroup", "cgroup2", …
  std::string super_options;
};

/// Reads the text of a mountinfo file. Lines that are not of its form are left out.
std::vector<MountEntry> parse_mountinfo(std::string_view text);

/// One mounted cgroup tree. Controllers that share a tree ("cpu,cpuacct") share the directories and their
/// ids.
struct CgroupMount {
  std::string directory;  ///< where to read it, below HostRoots::cgroupfs as a rule
  /// The cgroup that `directory` shows: "/" for the whole tree. Paths of cgroups begin at the tree's root, so
  /// that they are the same in every hierarchy, however much of it is mounted.
  std::string root = "/";
  std::vector<Hierarchy> hierarchies;
  /// The kernel's number of the tree, as in /proc/PID/cgroup; 0 for v2, nothing where it could not be read.
  std::optional<uint32_t> kernel_number;
  /// v2: memory.events counts the cgroup's own events only, without its descendants' (mount option).
  bool memory_local_events = false;
};

/// Which versions of cgroups are in use for the measured controllers.
enum class CgroupLayout { kNone, kV1, kHybrid, kV2 };
std::string_view cgroup_layout_word(CgroupLayout layout);

/// The mounted cgroup trees of a host.
class CgroupMounts {
 public:
  CgroupMounts() = default;
  explicit CgroupMounts(std::vector<CgroupMount> mounts) : mounts_(std::move(mounts)) {}

  [[nodiscard]] std::span<const CgroupMount> mounts() const { return mounts_; }
  /// The mount that shows a hierarchy; null where it is not mounted.
  [[nodiscard]] const CgroupMount* find(Hierarchy hierarchy) const;
  [[nodiscard]] CgroupLayout layout() const;
  /// The directory of a cgroup ("/shop/api-1") in a hierarchy; "" where it is not mounted or lies outside of
  /// what is mounted.
  [[nodiscard]] std::string directory(Hierarchy hierarchy, std::string_view cgroup_path) const;

 private:
  std::vector<CgroupMount> mounts_;
};

/// Chooses among the entries: for each hierarchy a mount below roots.cgroupfs, else one below /sys/fs/cgroup
/// re-rooted there; of several the one that shows most. `proc_cgroup` is the text of /proc/self/cgroup, for
/// the kernel's numbers.
CgroupMounts choose_cgroup_mounts(std::span<const MountEntry> entries, std::string_view proc_cgroup,
                                  const HostRoots& roots);

/// The same from procfs/self/mountinfo. Errors: kUnavailable where it cannot be read, naming the flag.
Result<CgroupMounts> read_cgroup_mounts(const HostRoots& roots);

}  // namespace sonde::identity
