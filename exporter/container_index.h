#pragma once

#include <regex.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "exporter/bpf_cgroup_events.h"
#include "exporter/container_table.h"
#include "identity/cgroup_tree.h"

namespace sonde::exporter {

using CgroupPaths = std::set<std::string, std::less<>>;

/// Which cgroups are containers where no runtime says so.
class ContainerRule {
 public:
  /// The default: every cgroup that has none below it and has had a process. Without one it is a container
  /// yet to start or no container at all, such as the slices and mounts of systemd.
  ContainerRule() = default;
  /// Every cgroup whose whole path matches, also an empty one; of two that lie in each other, the upper one.
  /// `expression`: POSIX extended (its matcher's time is bounded, whatever the names of cgroups are).
  /// Errors: kInvalid with the reason.
  static Result<ContainerRule> matching(const std::string& expression);

  /// Whether it asks which cgroups have had a process.
  [[nodiscard]] bool needs_populated() const { return expression_ == nullptr; }
  /// The paths of the containers, in the tree's order. `populated`: paths of those that have had a process.
  [[nodiscard]] std::vector<std::string_view> choose(const identity::CgroupTree& tree,
                                                     const CgroupPaths& populated) const;

 private:
  struct FreeExpression {
    void operator()(regex_t* expression) const;
  };
  std::unique_ptr<regex_t, FreeExpression> expression_;  ///< null: the default
};

/// The node's cgroups as they come and go, and the container table made from them. Threads: one.
class ContainerIndex {
 public:
  ContainerIndex(identity::CgroupMounts mounts, ContainerRule rule);

  /// Takes over what the kernel announced.
  void apply(const CgroupEvent& event);
  /// Takes over what a walk over the mounts found; what is not in it is gone.
  void replace(identity::CgroupTree tree);
  /// Looks for processes in the cgroups that would be containers if they had one, for want of an event.
  /// Cost: about 15 µs for each of them in each hierarchy.
  void look_for_processes();

  /// Whether anything changed since the last build().
  [[nodiscard]] bool changed() const { return changed_; }
  /// Makes the table: containers sorted by path, no two with the same labels; ids of descendants, also of
  /// those removed since the container came (the latest kMostRemoved of all), point to their container.
  ContainerTable build();

  static constexpr size_t kMostRemoved = 16384;

 private:
  /// A cgroup that is gone.
  struct Removed {
    identity::Hierarchy hierarchy{};
    uint64_t id = 0;
    std::string path;
  };
  /// A removed descendant and its container.
  struct Kept {
    identity::Hierarchy hierarchy{};
    uint64_t id = 0;
    std::string container_path;
    identity::CgroupIds container_ids{};
  };

  void set_populated(std::string_view path);
  void set_id(const std::string& path, identity::Hierarchy hierarchy, uint64_t id);
  void remove(identity::CgroupTree::iterator node, identity::Hierarchy hierarchy);
  void keep_removed(const std::vector<Container>& containers, ContainerTable::Owners& owners);

  identity::CgroupMounts mounts_;
  ContainerRule rule_;
  identity::CgroupTree tree_;
  CgroupPaths populated_;  ///< of the tree's cgroups those that have had a process, as far as it was seen
  std::vector<std::string> container_paths_;  ///< of the last build, sorted
  std::deque<Removed> removed_;               ///< since the last build, oldest first
  std::deque<Kept> kept_;                     ///< oldest first
  bool changed_ = true;
};

}  // namespace sonde::exporter
