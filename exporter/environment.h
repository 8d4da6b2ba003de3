#pragma once

#include <cstddef>
#include <string>

#include "exporter/bpf_collectors.h"
#include "exporter/container_totals.h"
#include "exporter/read_failures.h"
#include "identity/cgroup_mounts.h"

namespace sonde::exporter {

/// What collectors are made from. Owner: main; it outlives every collector.
struct Environment {
  identity::HostRoots roots;
  identity::CgroupMounts mounts;
  std::string node;  ///< the node's name
  RowRetention retention{};
  size_t most_open_files = 1024;  ///< that one collector may keep open
  ReadFailures* read_failures = nullptr;
  BpfContext* bpf = nullptr;
  SyscallsOptions syscalls;
};

}  // namespace sonde::exporter
