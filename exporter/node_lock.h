#pragma once

#include <string>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde::exporter {

/// Takes the node's lock: the abstract unix socket `name`, which the kernel frees when its holder ends,
/// however it ends. Two exporters on one node would make every event of it cost twice. The socket is seen
/// within one network namespace: an exporter in a namespace of its own is not noticed. Errors: kUnavailable,
/// naming the holder's process id and the remedy; kInvalid for a name that is too long.
Result<FileDescriptor> take_node_lock(const std::string& name);

}  // namespace sonde::exporter
