#pragma once

#include <sys/types.h>

#include <vector>

#include "inject/cgroup_target.h"
#include "inject/process.h"

namespace sonde::inject {

/// Every process in the cgroup and in those below it, in any hierarchy; each once, ascending.
std::vector<pid_t> processes_in(const CgroupTarget& target);

/// Of those the container's own, the oldest first: neither a process that a fault put there nor a zombie.
std::vector<ProcessIdentity> container_processes(const CgroupTarget& target);

}  // namespace sonde::inject
