#pragma once

#include <functional>
#include <map>
#include <string>

#include "identity/cgroup_mounts.h"
#include "identity/hierarchy.h"

namespace sonde::identity {

/// The cgroups of a host by path ("/shop/api-1"), the hierarchies merged; the root is not in it. Ancestors
/// sort before their descendants.
using CgroupTree = std::map<std::string, CgroupIds, std::less<>>;

/// Whether the tree has a cgroup below this one.
bool has_descendants(const CgroupTree& tree, std::string_view path);
/// Whether the tree has a cgroup beside this one whose name begins so.
bool has_sibling(const CgroupTree& tree, std::string_view path, std::string_view name_prefix);

/// What a walk over the mounts found.
struct CgroupScan {
  CgroupTree tree;
  size_t unreadable = 0;  ///< directories that could not be listed in full, other than by vanishing meanwhile
  bool truncated = false;  ///< there was more than kMostCgroups or kDeepestCgroup

  /// Whether what is not in the tree was not there.
  [[nodiscard]] bool complete() const { return unreadable == 0 && !truncated; }
};

/// Bounds of a walk, so that a process that nests cgroups without end costs no more than this.
inline constexpr size_t kMostCgroups = 65536;
inline constexpr size_t kDeepestCgroup = 128;

/// Lists every cgroup of every mount. `before_listing` is called with each directory before its children are
/// read, so that a watch set there misses none.
/// Cost: about 3 µs for a leaf, 15 µs for others, in each hierarchy.
CgroupScan scan_cgroups(const CgroupMounts& mounts,
                        const std::function<void(const std::string& directory)>& before_listing = {});

}  // namespace sonde::identity
