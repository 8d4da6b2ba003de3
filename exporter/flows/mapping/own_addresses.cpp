#include "exporter/flows/mapping/own_addresses.h"

#include <linux/netlink.h>

#include <utility>

#include "common/log.h"
#include "exporter/flows/links.h"
#include "exporter/flows/mapping/in_network_namespace.h"

namespace sonde::exporter {

OwnAddresses::OwnAddresses(std::string network_namespace, const MappingPrograms& programs)
    : network_namespace_(std::move(network_namespace)), programs_(programs) {}

Result<void> OwnAddresses::update() {
  if (!socket_) {
    const auto opened = in_network_namespace(network_namespace_, [this]() -> Result<void> {
      auto socket = NetlinkSocket::open(NETLINK_ROUTE);
      if (!socket) return tl::unexpected<Error>(socket.error());
      socket_.emplace(std::move(*socket));
      return {};
    });
    if (!opened) return opened;
  }
  const auto listed = list_addresses(*socket_);
  if (!listed) return tl::unexpected<Error>(listed.error());
  Addresses present;
  for (const InterfaceAddress& one : *listed) present.insert(one.address);
  std::erase_if(known_, [&](const flow_address& address) {
    return !present.contains(address) && programs_.set_own_address(address, false);
  });
  for (const flow_address& address : present) {
    if (known_.contains(address)) continue;
    if (const auto set = programs_.set_own_address(address, true)) {
      known_.insert(address);
    } else if (!std::exchange(full_, true)) {
      log::warning("tunnels from an address of the node are not known", {{"reason", set.error().message}});
    }
  }
  return {};
}

}  // namespace sonde::exporter
