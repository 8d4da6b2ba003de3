#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/metrics/labels.h"
#include "identity/container_name.h"
#include "identity/container_record.h"
#include "identity/hierarchy.h"

namespace sonde::exporter {

/// One container as a scrape sees it.
struct Container {
  std::string path;  ///< below the root of every hierarchy: "/shop/api-1"
  identity::ContainerName name;
  metrics::Labels labels;          ///< namespace, pod, container, service
  metrics::Labels pod_labels;      ///< the same with container="", for what belongs to the network namespace
  metrics::Labels service_labels;  ///< namespace and service alone
  /// The number of this life of it: another cgroup of the same path, or of the same labels, has another.
  uint64_t life = 0;
  /// The number of its name within this life, which gets another when a runtime tells it late.
  uint32_t name_number = 1;
  /// Whether all that its cgroup counted before this life is its own. Else others have it: its cgroup was no
  /// container for a while, or those below it were; then it counts from its first reading on.
  bool owns_past = true;
  /// Whether it has rows of its own; else it is part of the row ~other.
  bool listed = true;
  /// Whether it has gauges: not where it is part of the row ~other, and not where a newer container has taken
  /// its labels over (its counters go on in their common row).
  bool shown = true;
  /// What its runtime knows of it; null where none does.
  std::shared_ptr<const identity::ContainerRecord> record;
  /// The cgroup's id (inode of its directory) in each hierarchy; 0 where it has none there.
  identity::CgroupIds cgroup_ids{};
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
  /// owner.
  using Owners = std::array<std::unordered_map<uint64_t, uint32_t>, identity::kHierarchyCount>;
  /// The owner of cgroups whose container has no name yet: what they count must wait for it.
  static constexpr uint32_t kUndecided = UINT32_MAX;

  ContainerTable() = default;
  ContainerTable(std::vector<Container> containers, std::vector<Container> ended, Owners owners)
      : containers_(std::move(containers)),
        fixed_(std::make_shared<const Fixed>(Fixed{std::move(ended), std::move(owners)})) {}
  /// The same with newer processes and network namespaces in the containers (in the same order).
  ContainerTable(std::vector<Container> containers, const ContainerTable& same)
      : containers_(std::move(containers)), fixed_(same.fixed_) {}

  /// Those that live.
  [[nodiscard]] std::span<const Container> containers() const { return containers_; }
  /// The same, taken out of a table that nobody else has.
  [[nodiscard]] std::vector<Container> take_containers() && { return std::move(containers_); }
  /// Those that ended not long ago, also if no scrape saw them alive: of their counts the last ones may be
  /// yet to read.
  [[nodiscard]] std::span<const Container> ended() const { return fixed_->ended; }

  /// Who owns a cgroup: an index into containers(), then ended(); kUndecided; nothing for the root, for
  /// cgroups between the root and the containers, for the sandboxes of pods and for those not known (yet):
  /// their counts are the host row's. A descendant that was removed stays known while its container lives,
  /// the latest tens of thousands of them.
  [[nodiscard]] std::optional<uint32_t> find(identity::Hierarchy hierarchy, uint64_t cgroup_id) const {
    const auto& owners = fixed_->owners[static_cast<size_t>(hierarchy)];
    const auto found = owners.find(cgroup_id);
    if (found == owners.end()) return std::nullopt;
    return found->second;
  }

 private:
  struct Fixed {
    std::vector<Container> ended;
    Owners owners;
  };

  std::vector<Container> containers_;
  std::shared_ptr<const Fixed> fixed_ = std::make_shared<const Fixed>();
};

}  // namespace sonde::exporter
