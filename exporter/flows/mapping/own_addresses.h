#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "common/network/netlink.h"
#include "common/result.h"
#include "exporter/flows/address.h"
#include "exporter/flows/mapping/mapping_programs.h"

namespace sonde::exporter {

/// Tells the programs which addresses the node has, as of the last update. Threads: one at a time.
class OwnAddresses {
 public:
  /// `network_namespace`: as MappingOptions. `programs` outlive it.
  OwnAddresses(std::string network_namespace, const MappingPrograms& programs);

  /// Errors: kPermission, kUnavailable; what the programs know stays.
  Result<void> update();

 private:
  using Addresses = std::unordered_set<flow_address, AddressHash, AddressEqual>;

  const std::string network_namespace_;
  const MappingPrograms& programs_;
  std::optional<NetlinkSocket> socket_;
  Addresses known_;
  bool full_ = false;  ///< one that has no room was logged
};

}  // namespace sonde::exporter
