#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/metrics/labels.h"
#include "identity/container_name.h"
#include "identity/hierarchy.h"

namespace sonde::exporter {

/// One container as a scrape sees it.
struct Container {
  std::string path;  ///< below the root of every hierarchy: "/shop/api-1"
  identity::ContainerName name;
  metrics::Labels labels;      ///< namespace, pod, container, service
  metrics::Labels pod_labels;  ///< the same with container="", for what belongs to the network namespace
  /// The cgroup's id (inode of its directory) in each hierarchy; 0 where it has none there.
  std::array<uint64_t, identity::kHierarchyCount> cgroup_ids{};
  /// Paths of the cgroups below it that live now, for files that do not include them.
  std::vector<std::string> descendants;
  /// A process of it, to read /proc/PID/net through; 0 where it had none when the snapshot was taken.
  int32_t process_id = 0;
  /// The inode of the network namespace whose pod row is this container's: 0 for the host's, where it has no
  /// process, and where an earlier container of the table shares the namespace. So each namespace is counted
  /// once.
  uint64_t network_namespace = 0;
};

/// The containers of the node at one moment, and which of them owns a cgroup id. Immutable once built.
class ContainerTable {
 public:
  /// `owner_of` maps every cgroup id of a hierarchy that lies in a container, descendants included, to its
  /// index.
  using Owners = std::array<std::unordered_map<uint64_t, uint32_t>, identity::kHierarchyCount>;

  ContainerTable() = default;
  ContainerTable(std::vector<Container> containers, Owners owners)
      : containers_(std::move(containers)), owners_(std::make_shared<const Owners>(std::move(owners))) {}
  /// The same owners with newer processes and network namespaces in the containers (in the same order).
  ContainerTable(std::vector<Container> containers, const ContainerTable& same_owners)
      : containers_(std::move(containers)), owners_(same_owners.owners_) {}

  [[nodiscard]] std::span<const Container> containers() const { return containers_; }

  /// The index of the container that a cgroup belongs to; nothing for the root, for cgroups between the root
  /// and the containers, and for those not known (yet): their counts are the host row's.
  /// A descendant that was removed stays known while its container lives, the latest tens of thousands of
  /// them.
  [[nodiscard]] std::optional<uint32_t> find(identity::Hierarchy hierarchy, uint64_t cgroup_id) const {
    const auto& owners = (*owners_)[static_cast<size_t>(hierarchy)];
    const auto found = owners.find(cgroup_id);
    if (found == owners.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::vector<Container> containers_;
  std::shared_ptr<const Owners> owners_ = std::make_shared<const Owners>();
};

}  // namespace sonde::exporter
