#pragma once

#include <memory>
#include <string>

#include "exporter/bpf_collectors.h"
#include "exporter/container_totals.h"
#include "exporter/read_failures.h"
#include "identity/cgroup_file.h"
#include "identity/cgroup_mounts.h"

namespace sonde::exporter {

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
};

}  // namespace sonde::exporter
