#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics/labels.h"
#include "exporter/container_table.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/peer_table.h"
#include "exporter/pod_rows.h"

namespace sonde::exporter {

/// A pod as the near side of flows.
struct FlowPod {
  uint64_t life = 0;         ///< its number, of one life alone; 0: the host
  metrics::Labels labels{};  ///< of its rows
  PeerName name{};
  std::vector<std::string> containers{};  ///< their names
  uint32_t name_number = 0;               ///< CountOwner::name
  bool alive = true;
  SteadyTime ended_at{};  ///< if it is not
};

/// Which pod's packets an interface carries, also for a while after both are gone: what was counted last is
/// read later. Threads: one.
class FlowPods {
 public:
  using Interface = std::pair<uint32_t, uint32_t>;  ///< space and index

  FlowPods();

  /// Who there is now.
  void update(const ContainerTable& containers, std::span<const FlowInterface> interfaces, SteadyTime now);

  /// Whose an interface is: the host's for the node's own and for one whose pod has not become known within a
  /// minute; nullptr while that is to be awaited. Asking is the first that it hears of some interfaces.
  const FlowPod* pod_of(Interface interface, SteadyTime now);
  [[nodiscard]] const FlowPod& host() const { return host_; }
  /// A pod by its life, or the host; nullptr for one that is forgotten.
  [[nodiscard]] const FlowPod* find(uint64_t life) const;
  /// By life.
  [[nodiscard]] const std::map<uint64_t, FlowPod>& pods() const { return pods_; }

 private:
  struct Known {
    uint64_t network_namespace = 0;
    uint64_t life = 0;  ///< of its pod, the last that it had; 0: none yet
    bool of_node = false;
    bool present = false;
    SteadyTime known_since{};
    SteadyTime seen_at{};
  };
  struct InterfaceHash {
    size_t operator()(const Interface& interface) const {
      return std::hash<uint64_t>()(uint64_t{interface.first} << 32U | interface.second);
    }
  };

  void forget(SteadyTime now);

  PodRows pod_rows_;
  FlowPod host_;
  std::map<uint64_t, FlowPod> pods_;
  std::unordered_map<Interface, Known, InterfaceHash> interfaces_;
};

}  // namespace sonde::exporter
