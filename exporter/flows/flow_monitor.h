#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/bpf_context.h"
#include "exporter/container_table.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/flow_options.h"
#include "exporter/flows/flow_programs.h"

namespace sonde::exporter {

/// The programs that watch the containers' connections, at the interfaces where they are. Threads: safe.
class FlowMonitor {
 public:
  /// Loads the programs and attaches them. `containers` is asked from a thread of its own, until the monitor
  /// goes. Sets the capability "flow_rtt.interfaces": whether programs can be attached at all. `context`
  /// outlives it. Errors: as FlowPrograms::load() and FlowInterfaces::start().
  static Result<std::unique_ptr<FlowMonitor>> start(
      BpfContext& context, const FlowOptions& options,
      std::function<std::shared_ptr<const ContainerTable>()> containers);

  FlowPrograms& programs() { return *programs_; }
  [[nodiscard]] const FlowInterfaces& interfaces() const { return *interfaces_; }

 private:
  FlowMonitor() = default;

  std::unique_ptr<FlowPrograms> programs_;
  std::unique_ptr<FlowInterfaces> interfaces_;  ///< after the programs, which its thread uses
};

/// The containers of a table that have a network namespace of their own, and a process in it.
std::vector<ContainerNetwork> networks_of(const ContainerTable& containers);

}  // namespace sonde::exporter
