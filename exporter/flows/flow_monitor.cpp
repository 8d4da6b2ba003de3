#include "exporter/flows/flow_monitor.h"

#include <linux/capability.h>

#include <utility>

#include "exporter/process_capabilities.h"

namespace sonde::exporter {
namespace {

constexpr std::string_view kProgramsFeature = "flow_rtt";
constexpr std::string_view kInterfaces = "flow_rtt.interfaces";

CapabilityReason reason_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kPermission:
      return CapabilityReason::kMissingCapability;
    case ErrorCode::kUnsupported:
      return CapabilityReason::kNoHook;
    default:
      return CapabilityReason::kRejected;
  }
}

}  // namespace

std::vector<ContainerNetwork> networks_of(const ContainerTable& containers) {
  std::vector<ContainerNetwork> networks;
  for (const Container& container : containers.containers()) {
    if (container.network_namespace == 0 || container.process_id == 0) continue;
    networks.push_back({container.network_namespace, container.process_id});
  }
  return networks;
}

Result<std::unique_ptr<FlowMonitor>> FlowMonitor::start(
    BpfContext& context, const FlowOptions& options,
    std::function<std::shared_ptr<const ContainerTable>()> containers) {
  CapabilityTable& capabilities = context.capabilities();
  if (!has_capability(CAP_NET_ADMIN)) {
    for (const auto feature : {kProgramsFeature, kInterfaces}) {
      capabilities.set(feature, CapabilityReason::kMissingCapability);
    }
    return fail(ErrorCode::kPermission,
                "flow programs cannot be attached to interfaces: run as root or give CAP_NET_ADMIN");
  }
  std::unique_ptr<FlowMonitor> monitor(new FlowMonitor());
  auto programs = FlowPrograms::load(context, options.programs);
  if (!programs) {
    capabilities.set(kInterfaces, context.usable() ? CapabilityReason::kRejected : context.usable_reason());
    return tl::unexpected(programs.error());
  }
  monitor->programs_ = std::move(*programs);
  FlowInterfacesOptions where{.attach = options.attach,
                              .network_namespace = options.network_namespace,
                              .node_interfaces = options.node_interfaces,
                              .procfs = context.options().procfs,
                              .means = options.means};
  where.programs = [&loaded = *monitor->programs_](uint32_t space) { return loaded.programs(space); };
  where.release = [&loaded = *monitor->programs_](uint32_t space) { loaded.forget(space); };
  where.containers = [ask = std::move(containers)] { return networks_of(*ask()); };
  auto interfaces = FlowInterfaces::start(std::move(where));
  if (!interfaces) {
    capabilities.set(kInterfaces, reason_of(interfaces.error()));
    return tl::unexpected(interfaces.error());
  }
  monitor->interfaces_ = std::move(*interfaces);
  capabilities.set(kInterfaces, CapabilityReason::kAvailable);
  return monitor;
}

}  // namespace sonde::exporter
