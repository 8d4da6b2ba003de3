#pragma once

#include <string>
#include <string_view>

#include "identity/container_name.h"

namespace sonde::identity {

/// The name that sonde-exporter gives the container of a cgroup, as far as the files of runtimes below
/// `rootfs` tell it: a pod's workload may be known better by the labels that only a runtime's socket tells.
/// `node`: this machine's name.
ContainerName name_of_cgroup(std::string_view path, const std::string& rootfs, std::string_view node);

}  // namespace sonde::identity
