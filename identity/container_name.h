#pragma once

#include <string>
#include <string_view>

namespace sonde::identity {

/// The four labels of a container; each is written on every series, "" where there is none.
struct ContainerName {
  std::string name_space;  ///< label "namespace"
  std::string pod;
  std::string container;
  std::string service;  ///< the workload

  friend bool operator==(const ContainerName&, const ContainerName&) = default;
};

/// Names a cgroup where no runtime knows it: /shop/api-2 is namespace "shop", pod and container "api-2",
/// service "api". The parent path is the namespace so that two cgroups of one name stay apart.
ContainerName name_from_cgroup_path(std::string_view path);

}  // namespace sonde::identity
