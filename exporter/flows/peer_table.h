#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/flow_key.h"
#include "common/metrics/labels.h"
#include "exporter/container_table.h"
#include "exporter/flows/address.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/named_networks.h"

namespace sonde::exporter {

/// The other side of a flow, as labels name it.
struct PeerName {
  std::string name_space;  ///< remote_namespace
  std::string pod;         ///< remote_pod; "" where it is no pod of this node
  std::string service;     ///< remote_service: of the pod, or a network's name, or a class such as "~private"

  friend bool operator==(const PeerName&, const PeerName&) = default;
  [[nodiscard]] metrics::Labels labels() const;
};

/// Stands for the peers that have no row of their own.
const PeerName& other_peers();

/// The name of a container's pod as a peer; other_peers() for one without rows of its own.
PeerName peer_name_of(const Container& container);

/// Who has an address: a pod of this node exactly, else the smallest named network around it, else its class.
/// Threads: one.
class PeerTable {
 public:
  explicit PeerTable(NamedNetworks networks) : networks_(std::move(networks)) {}

  /// The pods of now, the interfaces that lead to them and their addresses. Addresses of one link alone
  /// (loopback, link-local, multicast) are nobody's.
  void update(const ContainerTable& containers, std::span<const FlowInterface> interfaces,
              std::span<const ContainerAddresses> addresses);

  /// Who has an address, as seen from an interface of that space (flow_key.space): a pod with an interface
  /// there before others. Where two have it, which of them is meant cannot be told and it is neither.
  [[nodiscard]] PeerName find(const flow_address& remote, uint32_t space) const;

 private:
  /// The namespaces of pods by address; 0 for an address that two have.
  using Pods = std::unordered_map<flow_address, uint64_t, AddressHash, AddressEqual>;

  [[nodiscard]] const PeerName* pod_at(const Pods& pods, const flow_address& address) const;

  NamedNetworks networks_;
  std::unordered_map<uint64_t, PeerName> names_;  ///< by network namespace
  std::unordered_map<uint32_t, Pods> by_space_;
  Pods anywhere_;
};

}  // namespace sonde::exporter
