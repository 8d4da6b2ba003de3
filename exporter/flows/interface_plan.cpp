#include "exporter/flows/interface_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sonde::exporter {

void InterfacePlanner::FreeExpression::operator()(regex_t* expression) const {
  regfree(expression);
  delete expression;
}

Result<InterfacePlanner> InterfacePlanner::create(FlowAttach attach, uint32_t space,
                                                  const std::string& node_interfaces) {
  InterfacePlanner planner(attach, space);
  if (node_interfaces.empty()) return planner;
  auto compiled = std::make_unique<regex_t>();
  const int error =
      regcomp(compiled.get(), ("^(" + node_interfaces + ")$").c_str(), REG_EXTENDED | REG_NOSUB);
  if (error != 0) {
    std::array<char, 200> reason{};
    regerror(error, compiled.get(), reason.data(), reason.size());
    return fail(
        ErrorCode::kInvalid,
        fmt::format("--flows.node-interfaces={}: {}; give a POSIX extended regular expression, such as "
                    "eth[0-9]+|bond0",
                    node_interfaces, reason.data()));
  }
  planner.node_interfaces_.reset(compiled.release());
  return planner;
}

InterfacePlan InterfacePlanner::plan(const std::map<uint32_t, Link>& links,
                                     const std::vector<InterfaceAddress>& addresses,
                                     const ContainerNamespaces& containers) {
  switch (attach_) {
    case FlowAttach::kHostEnds:
      return host_ends(links, containers);
    case FlowAttach::kContainers:
      return inside_containers(containers);
    case FlowAttach::kNode:
      return node(links, addresses);
  }
  return {};
}

InterfacePlan InterfacePlanner::host_ends(const std::map<uint32_t, Link>& links,
                                          const ContainerNamespaces& containers) {
  InterfacePlan plan;
  for (const auto& [index, link] : links) {
    if (!link.is_host_end()) continue;
    const int32_t number = *link.peer_namespace;
    const auto known = owners_.find(index);
    const auto inode = containers.find(number);
    if (inode) {
      owners_.insert_or_assign(index, Owner{number, *inode});
    } else if (known == owners_.end() || known->second.number != number) {
      ++plan.unowned;
      continue;
    }
    WantedInterface wanted{.interface = {.space = space_, .index = index, .name = link.name}};
    wanted.interface.network_namespace = owners_.at(index).inode;
    if (inode) wanted.interface.addresses = containers.all().at(*inode).addresses;
    plan.wanted.push_back(std::move(wanted));
  }
  return plan;
}

InterfacePlan InterfacePlanner::inside_containers(const ContainerNamespaces& containers) {
  InterfacePlan plan;
  decltype(spaces_) present;
  for (const auto& [inode, name_space] : containers.all()) {
    const auto key = std::make_pair(inode, name_space.number);
    const auto known = spaces_.find(key);
    const uint32_t space = known == spaces_.end() ? next_space_++ : known->second;
    present.emplace(key, space);
    for (const Link& link : name_space.links) {
      plan.wanted.push_back({.interface = {.space = space,
                                           .index = link.index,
                                           .name = link.name,
                                           .network_namespace = inode,
                                           .addresses = name_space.addresses},
                             .process = name_space.process});
    }
  }
  spaces_ = std::move(present);
  return plan;
}

bool InterfacePlanner::is_nodes(const Link& link, const std::map<uint32_t, Link>& links) const {
  if (link.loopback) return false;
  if (node_interfaces_) return regexec(node_interfaces_.get(), link.name.c_str(), 0, nullptr, 0) == 0;
  if (link.kind == "bond" || link.kind == "team") return true;
  if (!link.kind.empty()) return false;
  // What goes through a bond would be seen at both.
  const auto master = links.find(link.master_index);
  return master == links.end() || (master->second.kind != "bond" && master->second.kind != "team");
}

InterfacePlan InterfacePlanner::node(const std::map<uint32_t, Link>& links,
                                     const std::vector<InterfaceAddress>& addresses) const {
  InterfacePlan plan;
  for (const auto& [index, link] : links) {
    if (!is_nodes(link, links)) continue;
    WantedInterface wanted{.interface = {.space = space_, .index = index, .name = link.name}};
    for (const InterfaceAddress& entry : addresses) {
      if (entry.interface == index) wanted.interface.addresses.push_back(entry.address);
    }
    plan.wanted.push_back(std::move(wanted));
  }
  return plan;
}

}  // namespace sonde::exporter
