#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "identity/container_name.h"

namespace sonde::inject {

/// A container of this machine, by cgroup and by name.
struct NamedContainer {
  std::string path;              ///< of its cgroup, below the hierarchies' roots
  identity::ContainerName name;  ///< as sonde-exporter names it
  bool populated = false;        ///< it has a process

  friend bool operator==(const NamedContainer&, const NamedContainer&) = default;
};

/// "namespace/pod/container", or the service where it is a systemd unit.
std::string display_name(const identity::ContainerName& name);

/// Every container: those that runtimes made, without pods' sandboxes, by their files below `rootfs`; and
/// every cgroup that has none below it, by its path. Sorted by name. Errors: kUnavailable where the cgroups
/// cannot be listed.
Result<std::vector<NamedContainer>> list_containers(const std::string& rootfs);

}  // namespace sonde::inject
