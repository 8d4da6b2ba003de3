#include "exporter/flows/mapping/pod_addresses.h"

#include <linux/netlink.h>

#include <cstring>
#include <vector>

#include "exporter/flows/mapping/in_network_namespace.h"

namespace sonde::exporter {
namespace {

std::array<uint8_t, 16> bytes_of(const flow_address& address) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), address.bytes, bytes.size());
  return bytes;
}

}  // namespace

const AddressedPod* PodAddresses::find(const flow_address& address) const {
  const auto found = pods_.find(bytes_of(address));
  return found == pods_.end() ? nullptr : found->second.get();
}

void PodAddresses::add(const flow_address& address, const std::shared_ptr<const AddressedPod>& pod) {
  const auto [known, fresh] = pods_.try_emplace(bytes_of(address), pod);
  if (!fresh && known->second != pod) known->second = nullptr;
}

PodAddressSource::PodAddressSource(std::string procfs, std::string network_namespace)
    : network_namespace_(std::move(network_namespace)), namespaces_(std::move(procfs), false) {}

Result<std::shared_ptr<const PodAddresses>> PodAddressSource::update(const ContainerTable& containers,
                                                                     SteadyTime now) {
  if (!socket_) {
    const auto opened = in_network_namespace(network_namespace_, [this]() -> Result<void> {
      auto socket = NetlinkSocket::open(NETLINK_ROUTE);
      if (!socket) return tl::unexpected<Error>(socket.error());
      socket_.emplace(std::move(*socket));
      return {};
    });
    if (!opened) return tl::unexpected<Error>(opened.error());
  }
  std::vector<ContainerNetwork> networks;
  std::map<uint64_t, const Container*> owners;
  for (const Container& container : containers.containers()) {
    if (container.network_namespace == 0 || container.process_id == 0) continue;
    networks.push_back({container.network_namespace, container.process_id});
    owners.emplace(container.network_namespace, &container);
  }
  namespaces_.update(*socket_, networks, now);
  auto addresses = std::make_shared<PodAddresses>();
  for (const auto& [inode, name_space] : namespaces_.all()) {
    const auto owner = owners.find(inode);
    if (owner == owners.end()) continue;
    auto pod = std::make_shared<AddressedPod>(
        AddressedPod{.name = owner->second->name, .labels = owner->second->pod_labels});
    pod->name.container.clear();
    for (const flow_address& address : name_space.addresses) addresses->add(address, pod);
  }
  return std::shared_ptr<const PodAddresses>(std::move(addresses));
}

}  // namespace sonde::exporter
