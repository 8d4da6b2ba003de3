#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/cgroup_target.h"
#include "inject/process.h"

namespace sonde::inject {

/// Refuses a cgroup that holds the calling process or one that it descends from: what stops or starves those
/// could not be taken back by them. `why_not`: what would become of them. Errors: kInvalid.
Result<void> refuse_own_cgroup(const CgroupTarget& target, std::string_view why_not);

/// Every process in the cgroup and in those below it, in any hierarchy; each once, ascending.
std::vector<pid_t> processes_in(const CgroupTarget& target);

/// Of those the container's own, the oldest first: neither a process that a fault put there nor a zombie.
std::vector<ProcessIdentity> container_processes(const CgroupTarget& target);

/// Whether it is in the cgroup or below it, and runs. What was opened of it before was opened of no other: a
/// pid may be used again, also between a look at the cgroup and one at the process.
bool is_container_process(const CgroupTarget& target, const ProcessIdentity& process);

/// Opens a path of /proc/PID of a process in the cgroup: "ns/net". Errors: kNotFound, where it is gone too.
Result<FileDescriptor> open_of_process(const CgroupTarget& target, const ProcessIdentity& process,
                                       const char* path, int flags);

}  // namespace sonde::inject
