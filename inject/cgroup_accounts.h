#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "inject/cgroup_target.h"

namespace sonde::inject {

/// What the kernel's controllers say of a cgroup, v1 or v2; nothing where the controller does not account it.

/// The folder of the cgroup that has the controller: v1's, else v2's where it has the controller's `file`;
/// null for none.
const CgroupFolder* folder_with(const CgroupTarget& target, std::string_view controller,
                                std::string_view file);

/// Memory charged to the cgroup, page cache included (memory.usage_in_bytes, memory.current). Unit: bytes.
std::optional<uint64_t> memory_usage_bytes(const CgroupTarget& target);
/// The tightest memory limit of the cgroup and those above it; nothing where there is none. Unit: bytes.
std::optional<uint64_t> memory_limit_bytes(const CgroupTarget& target);
/// How often the kernel killed in it for want of memory (oom_kill of memory.oom_control, memory.events).
std::optional<uint64_t> oom_kills(const CgroupTarget& target);

/// Tasks in the cgroup and below (pids.current).
std::optional<uint64_t> task_count(const CgroupTarget& target);
/// How many tasks more limits (pids.max) allow; nothing where there is none.
struct TaskRoom {
  std::optional<uint64_t> own;    ///< by the cgroup's own limit
  std::optional<uint64_t> above;  ///< by the tightest of those above it, which others share
};
TaskRoom task_room(const CgroupTarget& target);

/// Bytes that went to and from devices for the cgroup.
struct IoBytes {
  uint64_t read = 0;
  uint64_t written = 0;
};
/// Source: blkio.throttle.io_service_bytes of v1, io.stat of v2.
std::optional<IoBytes> io_bytes(const CgroupTarget& target);

}  // namespace sonde::inject
