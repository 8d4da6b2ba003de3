#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "bpf/flow_key.h"
#include "common/clock.h"
#include "common/metrics/labels.h"
#include "common/network/netlink.h"
#include "common/result.h"
#include "exporter/container_table.h"
#include "exporter/flows/container_namespaces.h"

namespace sonde::exporter {

/// The pod that an address belongs to.
struct AddressedPod {
  identity::ContainerName name;  ///< `container` is ""
  metrics::Labels labels;        ///< Container::pod_labels
};

/// Which pod of this node has which address, at one moment. Immutable; threads: safe.
class PodAddresses {
 public:
  /// The pod of an address; null where no pod of this node has it, or two have.
  [[nodiscard]] const AddressedPod* find(const flow_address& address) const;
  /// Adds an address; one that another pod has too belongs to none.
  void add(const flow_address& address, const std::shared_ptr<const AddressedPod>& pod);

 private:
  std::map<std::array<uint8_t, 16>, std::shared_ptr<const AddressedPod>> pods_;  ///< null: of several
};

/// Lists the addresses of the pods by netlink. Threads: one.
class PodAddressSource {
 public:
  /// `network_namespace`: as MappingOptions; where the request is made from.
  PodAddressSource(std::string procfs, std::string network_namespace);

  /// Errors: kPermission, kUnavailable; addresses as of the last success stay.
  Result<std::shared_ptr<const PodAddresses>> update(const ContainerTable& containers, SteadyTime now);

 private:
  const std::string network_namespace_;
  std::optional<NetlinkSocket> socket_;
  ContainerNamespaces namespaces_;
};

}  // namespace sonde::exporter
