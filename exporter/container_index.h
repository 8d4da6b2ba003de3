#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "exporter/bpf_cgroup_events.h"
#include "exporter/container_listing.h"
#include "exporter/container_rule.h"
#include "exporter/container_table.h"
#include "exporter/ended_containers.h"
#include "exporter/runtime_cgroups.h"
#include "identity/cgroup_tree.h"
#include "identity/container_names.h"

namespace sonde::exporter {

struct ContainerIndexOptions {
  ContainerRule rule{};
  /// Whether systemd's units are listed, as services without container, where the default rule finds them.
  bool systemd_units = true;
  ListingBounds bounds{};
  /// How long an ended container's counters stay.
  std::chrono::milliseconds linger = std::chrono::seconds(60);
  std::string node{};  ///< the node's name, for the workload of static pods
};

/// The node's cgroups as they come and go, and the container table made from them. Threads: one.
class ContainerIndex {
 public:
  /// `names` may be null: no runtime is asked, and all containers are those of the rule.
  ContainerIndex(identity::CgroupMounts mounts, ContainerIndexOptions options,
                 std::unique_ptr<identity::ContainerNames> names = nullptr);

  /// Takes over what the kernel announced.
  void apply(const CgroupEvent& event, SteadyTime now);
  /// Takes over what a walk over the mounts found. What is not in it is gone; where the walk was incomplete,
  /// if its directory is.
  void replace(const identity::CgroupScan& scan, SteadyTime now);
  /// Looks for processes in the cgroups that would be containers if they had one, for want of an event.
  /// Cost: about 15 µs for each of them in each hierarchy.
  void look_for_processes();

  /// Whether the next build() may differ from the last.
  [[nodiscard]] bool changed(SteadyTime now) const;
  /// Makes the table: containers sorted by path; ids of descendants, also of those removed since the
  /// container came (the latest kMostRemoved of all), point to their container. Of containers with the same
  /// labels one is shown, the latest.
  ContainerTable build(SteadyTime now);

  /// Containers whose names no source has told yet, as of the last build.
  [[nodiscard]] size_t undecided() const { return undecided_; }
  /// Containers that were part of ~other at the last build.
  [[nodiscard]] size_t unlisted() const { return unlisted_; }
  /// Containers whose counts are part of ~other because too many ended before a build.
  [[nodiscard]] uint64_t overflowed() const { return ended_.overflowed(); }
  [[nodiscard]] const identity::ContainerNames* names() const { return names_.get(); }

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
  /// A cgroup that was found to be a container.
  struct Chosen {
    std::string_view path;
    identity::ContainerName name;
    std::shared_ptr<const identity::ContainerRecord> record;
  };

  void set_populated(std::string_view path);
  void set_id(const std::string& path, identity::Hierarchy hierarchy, uint64_t id, SteadyTime now);
  void remove(identity::CgroupTree::iterator node, identity::Hierarchy hierarchy, SteadyTime now);
  void end(const std::string& path, const identity::CgroupIds& ids, SteadyTime now);
  [[nodiscard]] std::optional<Chosen> what_it_was(std::string_view path);
  [[nodiscard]] bool lies_in_life(std::string_view path) const;
  [[nodiscard]] identity::ContainerName name_of(const identity::ContainerCgroup& cgroup,
                                                const identity::ContainerRecord* record) const;
  [[nodiscard]] std::optional<identity::ContainerName> name_by_rule(std::string_view path) const;

  struct Choice;
  Choice choose(SteadyTime now);
  void choose_of_runtimes(Choice& choice, SteadyTime now);
  Container& live(Chosen chosen, SteadyTime now);
  void drop_others(const std::unordered_set<std::string_view>& chosen, SteadyTime now);
  void keep_removed(const std::vector<Container>& containers, ContainerTable::Owners& owners);

  identity::CgroupMounts mounts_;
  ContainerIndexOptions options_;
  std::unique_ptr<identity::ContainerNames> names_;
  identity::CgroupTree tree_;
  CgroupPaths populated_;  ///< of the tree's cgroups those that have had a process, as far as it was seen
  /// Of the tree's cgroups those that lives other than a present one of their own have had counts of: lives
  /// of cgroups below them, and earlier ones of their own.
  CgroupPaths shared_;
  RuntimeCgroups runtime_cgroups_;                                   ///< of the tree
  std::map<std::string, Container, std::less<>> lives_;              ///< of the last build, by path
  std::map<std::string, identity::CgroupIds, std::less<>> leaving_;  ///< ids of those removed in part
  EndedContainers ended_;
  std::deque<Removed> removed_;  ///< since the last build, oldest first
  std::deque<Kept> kept_;        ///< oldest first
  uint64_t last_life_ = 0;
  size_t undecided_ = 0;
  size_t unlisted_ = 0;
  bool unnamed_ = false;  ///< of a container that a runtime made nobody knew the name at the last build
  bool changed_ = true;
};

}  // namespace sonde::exporter
