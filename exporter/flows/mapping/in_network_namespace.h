#pragma once

#include <functional>
#include <string>

#include "common/result.h"

namespace sonde::exporter {

/// Runs `work` in another network namespace, on a thread of its own that ends with it; sockets that it opens
/// stay in that namespace. "": the caller's own, on the caller's thread.
/// Errors: those of `work`; those of open_network_namespace() and enter_network_namespace().
Result<void> in_network_namespace(const std::string& name_or_path, const std::function<Result<void>()>& work);

}  // namespace sonde::exporter
