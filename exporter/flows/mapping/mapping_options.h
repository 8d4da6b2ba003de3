#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

/// The flags --mapping.*.
struct MappingOptions {
  /// Names of the underlay's interfaces; empty: the physical ones, and those of the default routes.
  std::vector<std::string> interfaces{};
  uint16_t vxlan_port = 4789;
  uint16_t geneve_port = 6081;
  /// Whether what sockets of the node's own network namespace send may be a tunnel's packets too.
  bool user_space_tunnels = false;
  uint32_t max_flows = 16'384;  ///< entries of the map `mappings`
  uint32_t max_paths = 4'096;   ///< entries of the maps `tunnel_paths` and `plain_paths`, each
  size_t max_rows = 100;        ///< paths with rows of their own
  /// As FlowInterfacesOptions::network_namespace.
  std::string network_namespace{};
  std::string procfs = "/proc";
  /// As FlowInterfacesOptions::means.
  TcMeans means = TcMeans::kBest;
};

}  // namespace sonde::exporter
