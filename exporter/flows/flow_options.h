#pragma once

#include <cstddef>
#include <string>

#include "exporter/flows/flow_programs.h"
#include "exporter/flows/interface_plan.h"
#include "exporter/flows/named_networks.h"
#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

/// How flows are watched, as the flags --flows.* say.
struct FlowOptions {
  FlowAttach attach = FlowAttach::kHostEnds;
  std::string network_namespace{};  ///< as in FlowInterfacesOptions
  std::string node_interfaces{};    ///< as in FlowInterfacesOptions
  TcMeans means = TcMeans::kBest;
  FlowProgramOptions programs{};
  size_t max_rows = 250;     ///< as in FlowRowsOptions
  NamedNetworks networks{};  ///< of remote addresses
};

}  // namespace sonde::exporter
