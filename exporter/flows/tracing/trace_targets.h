#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "exporter/container_table.h"
#include "exporter/flows/address.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/tracing/trace_report.h"

namespace sonde::exporter {

/// The network namespaces, by inode, of the containers that a request names; never the host's.
/// Errors: kNotFound where it names none, kUnsupported where all of them share the host's.
Result<std::vector<uint32_t>> spaces_of_container(const ContainerTable& containers, const std::string& procfs,
                                                  const TraceContainer& wanted);

/// The container of each network namespace, by inode; without the host's.
std::map<uint32_t, identity::ContainerName> containers_by_space(const ContainerTable& containers,
                                                                const std::string& procfs);

/// The containers by their addresses; nothing at one that two network namespaces have.
using ContainersByAddress =
    std::unordered_map<flow_address, std::optional<identity::ContainerName>, AddressHash, AddressEqual>;
ContainersByAddress containers_by_address(const std::map<uint32_t, identity::ContainerName>& by_space,
                                          std::span<const ContainerAddresses> addresses);

}  // namespace sonde::exporter
