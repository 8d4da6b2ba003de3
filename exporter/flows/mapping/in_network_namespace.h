#pragma once

#include <functional>
#include <string>

#include "common/result.h"

namespace sonde::exporter {

/// Runs `work` in another network namespace, on a thread of its own that ends with it; sockets that it opens
/// stay in that namespace. `path`: such as /run/netns/NAME; "": the caller's own, on the caller's thread.
/// Errors: those of `work`; kNotFound or kPermission where the namespace cannot be entered, naming the path.
Result<void> in_network_namespace(const std::string& path, const std::function<Result<void>()>& work);

}  // namespace sonde::exporter
