#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exporter/flows/tracing/trace_programs.h"
#include "identity/container_name.h"

namespace sonde::exporter {

/// Who is behind what a trace saw; each gives nothing for what belongs to no container.
struct TraceNames {
  std::function<std::optional<identity::ContainerName>(uint32_t space)> of_space;  ///< network namespace
  std::function<std::optional<identity::ContainerName>(uint64_t cgroup)> of_cgroup;
  std::function<std::optional<identity::ContainerName>(const flow_address&)> of_address;
};

/// One that took a resource while a traced connection waited for it.
struct Culprit {
  std::optional<identity::ContainerName> name{};
  std::string text{};   ///< who it is where there is no name: "the node", an address, "own CPU limit"
  bool victim = false;  ///< the one that waits itself: its other threads, or its limit
  double amount = 0;    ///< CPU seconds or bytes
  double share = 0;     ///< of all of `amount` of the resource
};

/// What traced connections waited for, and who had it meanwhile, the largest first.
struct Contention {
  std::string resource{};  ///< "cpu" or "interface"
  std::string where{};     ///< "eth0 …" as "interface 3 of network namespace 4026532513"; "" for cpu
  std::optional<identity::ContainerName> victim{};
  std::vector<Culprit> culprits{};
};

/// Contention for CPUs, one entry for each victim, then for interfaces, one for each interface that more than
/// one address sends through.
std::vector<Contention> find_culprits(const TraceCounts& counts, const TraceNames& names);

}  // namespace sonde::exporter
