#pragma once

#include <cstdint>
#include <string>

#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/result.h"
#include "inject/cgroup_target.h"
#include "inject/faults/injected_process.h"

namespace sonde::inject {

/// What a disk load does.
struct DiskPlan {
  uint64_t bytes_per_second = 0;  ///< at level 1; in both directions together
  uint64_t file_bytes = 0;        ///< a whole number of blocks; it is gone over again and again
  bool reads = false;
  bool writes = false;
};
inline constexpr uint64_t kDiskBlockBytes = 64 * 1024;

/// A file without a name in `folder` of the container's root (of the machine's where the cgroup has no
/// process), past the page cache where the file system can; nothing of it is left once it is closed. Symbolic
/// links lead nowhere out of the container. Errors: the folder is missing, in memory (tmpfs), or takes no
/// file; with the remedy.
Result<FileDescriptor> open_nameless_file(const CgroupTarget& target, const std::string& folder);

/// Reads and writes `file` until `lease_end`, blocks in turn, and syncs it four times a second;
/// figures.amount: bytes read and written so far; figures.losses: reads and writes that failed.
void load_disk(const DiskPlan& plan, int file, SharedFigures& figures, SteadyTime lease_end);

}  // namespace sonde::inject
