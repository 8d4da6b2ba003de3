#include "identity/hierarchy.h"

namespace sonde::identity {

std::string_view hierarchy_name(Hierarchy hierarchy) {
  switch (hierarchy) {
    case Hierarchy::kUnified:
      return "unified";
    case Hierarchy::kMemory:
      return "memory";
    case Hierarchy::kCpu:
      return "cpu";
    case Hierarchy::kCpuacct:
      return "cpuacct";
    case Hierarchy::kBlkio:
      return "blkio";
    case Hierarchy::kPids:
      return "pids";
  }
  return "unknown";
}

std::optional<Hierarchy> hierarchy_of_controller(std::string_view name) {
  for (const Hierarchy hierarchy : kHierarchies) {
    if (hierarchy != Hierarchy::kUnified && hierarchy_name(hierarchy) == name) return hierarchy;
  }
  return std::nullopt;
}

}  // namespace sonde::identity
