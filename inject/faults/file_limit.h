#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"
#include "inject/process.h"

namespace sonde::inject {

/// A process's limit of open files as it was, and as a fault makes it. A descriptor's number must be below
/// it.
struct FileLimit {
  ProcessIdentity process;
  uint64_t before = 0;
  uint64_t lowered = 0;

  friend bool operator==(const FileLimit&, const FileLimit&) = default;
};

/// "START BEFORE LOWERED", as the state file has it under the key "files-PID".
std::string file_limit_text(const FileLimit& limit);
/// Errors: kInvalid.
Result<FileLimit> parse_file_limit(pid_t pid, const std::string& text);

/// The soft limit of open files (RLIMIT_NOFILE) as /proc/PID/limits tells it. Errors: kNotFound.
Result<uint64_t> soft_file_limit(pid_t pid);

/// How many descriptors a process can open more under a limit, whatever it has open above it.
/// Errors: kNotFound where its descriptors cannot be listed.
Result<uint64_t> free_descriptors(pid_t pid, uint64_t limit);

/// The lowest limit under which a process can open `left` descriptors more. Errors: as free_descriptors().
Result<uint64_t> limit_that_leaves(pid_t pid, uint64_t left);

/// Sets the soft limit of open files of a process, never above its hard limit. Where that is another user's
/// and we lack CAP_SYS_RESOURCE, a child with that user's identity does it. Errors: kNotFound where it is
/// gone, kPermission.
Result<void> set_soft_file_limit(const ProcessIdentity& process, uint64_t limit);

}  // namespace sonde::inject
