#pragma once

#include <set>
#include <string>

#include "common/result.h"

namespace sonde::exporter {

/// Whether the calling thread may use a capability now, a number of linux/capability.h such as CAP_BPF.
bool has_capability(int capability);

/// Gives up every capability but those given, of what there are: from the permitted, effective, inheritable
/// and ambient set, and from the bounding set where that is allowed. No program started later gets one back
/// (no_new_privs). Returns the names of those kept, "cap_bpf,cap_perfmon", or "none".
/// Threads: of the calling thread and those that it starts later; call it before there are others.
/// Errors: kPermission where the kernel or a seccomp filter refuses.
Result<std::string> keep_only_capabilities(const std::set<int>& capabilities);

}  // namespace sonde::exporter
