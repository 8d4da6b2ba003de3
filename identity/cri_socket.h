#pragma once

#include <memory>
#include <string>

#include "identity/runtime_socket.h"

namespace sonde::identity {

/// A runtime with the Kubernetes Container Runtime Interface: containerd, CRI-O. Speaks runtime.v1 and, where
/// that is unknown, runtime.v1alpha2; a containerd without either (Docker's own) is kUnsupported. Nothing is
/// sent before the first list().
std::unique_ptr<RuntimeSocket> make_cri_socket(const std::string& path, Runtime runtime);

}  // namespace sonde::identity
