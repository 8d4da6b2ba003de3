#include "exporter/flows/container_namespaces.h"

#include <cstring>
#include <set>

#include "common/network/namespace_visit.h"

namespace sonde::exporter {
namespace {

constexpr std::chrono::seconds kAddressPeriod{30};
/// So long a container's network may still be in the making.
constexpr std::chrono::seconds kYouth{10};

bool equal(const std::vector<flow_address>& one, const std::vector<flow_address>& other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size() * sizeof(flow_address)) == 0);
}

bool due(const ContainerNamespace& name_space, bool with_links, SteadyTime now) {
  if (now - name_space.listed_at >= kAddressPeriod) return true;
  const bool incomplete = name_space.addresses.empty() || (with_links && name_space.links.empty());
  return incomplete && now - name_space.known_since < kYouth;
}

}  // namespace

bool ContainerNamespaces::list(NetlinkSocket& socket, ContainerNamespace& name_space, SteadyTime now) const {
  name_space.listed_at = now;
  bool changed = false;
  if (with_links_) {
    auto links = list_links(socket, name_space.number);
    if (links) {
      std::erase_if(*links, [](const Link& link) { return link.loopback; });
      changed = *links != name_space.links;
      name_space.links = std::move(*links);
    }
  }
  const auto listed = list_addresses(socket, name_space.number);
  if (!listed) return changed;
  std::vector<flow_address> addresses;
  for (const InterfaceAddress& entry : *listed) addresses.push_back(entry.address);
  changed |= !equal(addresses, name_space.addresses);
  name_space.addresses = std::move(addresses);
  return changed;
}

bool ContainerNamespaces::update(NetlinkSocket& socket, const std::vector<ContainerNetwork>& containers,
                                 SteadyTime now) {
  bool changed = false;
  std::set<uint64_t> present;
  forbidden_ = 0;
  for (const ContainerNetwork& container : containers) {
    const auto known = namespaces_.find(container.network_namespace);
    // Another process may mean another namespace with the same inode.
    if (known == namespaces_.end() || known->second.process != container.process) {
      const auto opened = open_namespace_of_process(procfs_, container.process, container.network_namespace);
      if (!opened) {
        if (opened.error().code == ErrorCode::kPermission) ++forbidden_;
        continue;
      }
      const auto number = number_of_namespace(socket, opened->get());
      if (!number || *number < 0) continue;
      if (known != namespaces_.end() && known->second.number == *number) {
        known->second.process = container.process;
      } else {
        namespaces_.insert_or_assign(
            container.network_namespace,
            ContainerNamespace{.process = container.process, .number = *number, .known_since = now});
        changed = true;
      }
    }
    present.insert(container.network_namespace);
  }
  changed |=
      std::erase_if(namespaces_, [&](const auto& entry) { return !present.contains(entry.first); }) > 0;
  inodes_.clear();
  for (auto& [inode, name_space] : namespaces_) {
    inodes_.insert_or_assign(name_space.number, inode);
    if (due(name_space, with_links_, now)) changed |= list(socket, name_space, now);
  }
  return changed;
}

std::optional<uint64_t> ContainerNamespaces::find(int32_t number) const {
  const auto found = inodes_.find(number);
  return found == inodes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace sonde::exporter
