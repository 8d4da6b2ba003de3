#pragma once

#include <map>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "common/network/netlink.h"
#include "exporter/flows/attached_interfaces.h"
#include "exporter/flows/container_namespaces.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/interface_plan.h"
#include "exporter/flows/links.h"

namespace sonde::exporter {

/// What the thread of FlowInterfaces does. Threads: one, which it may have put into another network
/// namespace.
class FlowWorker {
 public:
  /// REQUIRES: called by the thread that calls the rest. Errors: as FlowInterfaces::start().
  static Result<std::unique_ptr<FlowWorker>> open(const FlowInterfacesOptions& options);

  /// A descriptor that is readable while link events wait.
  [[nodiscard]] int descriptor() const { return events_.descriptor(); }
  /// Takes the events that wait and makes the attachments what they should be.
  void work(SteadyTime now);
  /// When work() is due although no event waits.
  [[nodiscard]] SteadyTime next() const;

  [[nodiscard]] const AttachedInterfaces& attached() const { return *attached_; }
  [[nodiscard]] const ContainerNamespaces& containers() const { return containers_; }
  [[nodiscard]] size_t unowned() const { return unowned_; }
  [[nodiscard]] uint64_t relistings() const { return relistings_; }
  [[nodiscard]] TcMeans means() const { return means_; }

 private:
  FlowWorker(const FlowInterfacesOptions& options, NetlinkSocket events, NetlinkSocket requests,
             InterfacePlanner planner, uint32_t space);
  void take_events();
  void apply(const nlmsghdr& message);
  Result<void> list_all();

  const FlowInterfacesOptions& options_;
  uint32_t space_;  ///< of the thread's network namespace
  FileDescriptor home_;
  NetlinkSocket events_;
  NetlinkSocket requests_;
  InterfacePlanner planner_;
  ContainerNamespaces containers_;
  std::unique_ptr<AttachedInterfaces> attached_;
  TcMeans means_ = TcMeans::kTcx;
  std::map<uint32_t, Link> links_;  ///< by index
  std::vector<InterfaceAddress> addresses_;
  bool listing_due_ = true;
  uint64_t relistings_ = 0;
  size_t unowned_ = 0;
  std::chrono::milliseconds pause_{0};
  SteadyTime worked_at_{};
  SteadyTime listed_at_{};
};

}  // namespace sonde::exporter
