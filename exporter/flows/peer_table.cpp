#include "exporter/flows/peer_table.h"

#include <set>

namespace sonde::exporter {

metrics::Labels PeerName::labels() const {
  return {{"remote_namespace", name_space}, {"remote_pod", pod}, {"remote_service", service}};
}

const PeerName& other_peers() {
  static const PeerName kOther{"", "", "~other"};
  return kOther;
}

PeerName peer_name_of(const Container& container) {
  if (!container.listed) return other_peers();
  return {container.name.name_space, container.name.pod, container.name.service};
}

void PeerTable::update(const ContainerTable& containers, std::span<const FlowInterface> interfaces,
                       std::span<const ContainerAddresses> addresses) {
  names_.clear();
  for (const Container& container : containers.containers()) {
    if (container.network_namespace != 0)
      names_.emplace(container.network_namespace, peer_name_of(container));
  }
  std::unordered_map<uint64_t, std::set<uint32_t>> spaces;
  for (const FlowInterface& interface : interfaces)
    spaces[interface.network_namespace].insert(interface.space);
  by_space_.clear();
  anywhere_.clear();
  const auto add = [](Pods& pods, const flow_address& address, uint64_t network_namespace) {
    const auto [first, is_new] = pods.emplace(address, network_namespace);
    if (!is_new && first->second != network_namespace) first->second = 0;
  };
  for (const ContainerAddresses& of_container : addresses) {
    for (const flow_address& address : of_container.addresses) {
      const AddressClass is = class_of(address);
      if (is != AddressClass::kPrivate && is != AddressClass::kPublic) continue;
      add(anywhere_, address, of_container.network_namespace);
      for (const uint32_t space : spaces[of_container.network_namespace]) {
        add(by_space_[space], address, of_container.network_namespace);
      }
    }
  }
}

const PeerName* PeerTable::pod_at(const Pods& pods, const flow_address& address) const {
  const auto pod = pods.find(address);
  if (pod == pods.end()) return nullptr;
  const auto name = names_.find(pod->second);
  return name == names_.end() ? nullptr : &name->second;
}

PeerName PeerTable::find(const flow_address& remote, uint32_t space) const {
  if (same_address(remote, flow_address{})) return other_peers();
  const auto near = by_space_.find(space);
  if (near != by_space_.end() && near->second.contains(remote)) {
    if (const PeerName* name = pod_at(near->second, remote)) return *name;
  } else if (const PeerName* name = pod_at(anywhere_, remote)) {
    return *name;
  }
  if (const std::string* network = networks_.find(remote)) return {"", "", *network};
  return {"", "", std::string(class_word(class_of(remote)))};
}

}  // namespace sonde::exporter
