#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "exporter/bpf_collectors.h"
#include "exporter/container_totals.h"
#include "exporter/read_failures.h"
#include "identity/cgroup_file.h"
#include "identity/cgroup_mounts.h"

namespace sonde::exporter {

class FlowAccounts;  // exporter/flows/flow_accounts.h
class FlowMonitor;   // exporter/flows/flow_monitor.h
class FlowMapping;   // exporter/flows/mapping/flow_mapping.h

/// What collectors are made from. Owner: main; it outlives every collector.
struct Environment {
  identity::HostRoots roots;
  identity::CgroupMounts mounts;
  std::string node;  ///< the node's name
  RowRetention retention{};
  /// Of all that read files again and again.
  std::shared_ptr<identity::FileBudget> open_files = std::make_shared<identity::FileBudget>(1024);
  ReadFailures* read_failures = nullptr;
  BpfContext* bpf = nullptr;
  SyscallsOptions syscalls;
  /// The containers' connections; null where no collector wants them, or with why they cannot be watched.
  FlowMonitor* flows = nullptr;
  FlowAccounts* flow_accounts = nullptr;  ///< what is counted of them; null with `flows`
  Error flows_error{ErrorCode::kUnavailable, "--collector.flow_rtt is off"};
  FlowMapping* mapping = nullptr;  ///< null where flows cannot be mapped
};

}  // namespace sonde::exporter
