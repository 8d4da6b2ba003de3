#include "exporter/flows/tracing/trace_targets.h"

#include <fmt/format.h>

#include <set>

#include "identity/network_namespace.h"

namespace sonde::exporter {
namespace {

bool fits(const identity::ContainerName& name, const TraceContainer& wanted) {
  const auto same = [](const std::string& has, const std::string& wants) {
    return wants.empty() || has == wants;
  };
  return same(name.name_space, wanted.name_space) && same(name.pod, wanted.pod) &&
         same(name.container, wanted.container) && same(name.service, wanted.service);
}

/// 0 where it is not known.
uint64_t space_of(const Container& container, const std::string& procfs) {
  if (container.network_namespace != 0) return container.network_namespace;
  if (container.process_id == 0) return 0;
  return identity::network_namespace_of(procfs, std::to_string(container.process_id)).value_or(0);
}

std::string quoted(const TraceContainer& wanted) {
  return fmt::format("{}namespace=\"{}\", pod=\"{}\", container=\"{}\", service=\"{}\"{}", '{',
                     wanted.name_space, wanted.pod, wanted.container, wanted.service, '}');
}

}  // namespace

Result<std::vector<uint32_t>> spaces_of_container(const ContainerTable& containers, const std::string& procfs,
                                                  const TraceContainer& wanted) {
  const uint64_t host = identity::host_network_namespace(procfs).value_or(0);
  std::set<uint32_t> spaces;
  bool any = false;
  for (const Container& container : containers.containers()) {
    if (!fits(container.name, wanted)) continue;
    any = true;
    const uint64_t space = space_of(container, procfs);
    if (space != 0 && space != host) spaces.insert(static_cast<uint32_t>(space));
  }
  if (!any) {
    return fail(ErrorCode::kNotFound,
                fmt::format("container: there is none of {} on this node; the labels of "
                            "sonde_container_info name those there are",
                            quoted(wanted)));
  }
  if (spaces.empty()) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("container: {} has no network namespace of its own, or no process in it; name the "
                    "connection by \"flow\"",
                    quoted(wanted)));
  }
  return std::vector<uint32_t>(spaces.begin(), spaces.end());
}

std::map<uint32_t, identity::ContainerName> containers_by_space(const ContainerTable& containers,
                                                                const std::string& procfs) {
  const uint64_t host = identity::host_network_namespace(procfs).value_or(0);
  std::map<uint32_t, identity::ContainerName> names;
  for (const Container& container : containers.containers()) {
    const uint64_t space = space_of(container, procfs);
    if (space == 0 || space == host) continue;
    names.emplace(static_cast<uint32_t>(space), container.name);
  }
  return names;
}

ContainersByAddress containers_by_address(const std::map<uint32_t, identity::ContainerName>& by_space,
                                          std::span<const ContainerAddresses> addresses) {
  ContainersByAddress names;
  for (const ContainerAddresses& of_container : addresses) {
    const auto name = by_space.find(static_cast<uint32_t>(of_container.network_namespace));
    if (name == by_space.end()) continue;
    for (const flow_address& address : of_container.addresses) {
      const auto [known, is_new] = names.emplace(address, name->second);
      if (!is_new) known->second.reset();
    }
  }
  return names;
}

}  // namespace sonde::exporter
