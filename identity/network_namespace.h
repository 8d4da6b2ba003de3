#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sonde::identity {

/// The first process id in the text of a cgroup.procs file; nothing where it lists none (0 stands for a
/// process of another pid namespace).
std::optional<int32_t> first_process(std::string_view cgroup_procs);

/// The inode of a process's network namespace, from the link procfs/PID/ns/net; nothing where the process is
/// gone or its namespace may not be seen. `process` may also be "self".
std::optional<uint64_t> network_namespace_of(const std::string& procfs, std::string_view process);

/// The inode of the host's network namespace: that of process 1, else this program's own.
std::optional<uint64_t> host_network_namespace(const std::string& procfs);

}  // namespace sonde::identity
