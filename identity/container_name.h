#pragma once

#include <optional>
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

/// The workload that a plain cgroup is a replica of: its name without a trailing "-N" ("api-2" is one of
/// "api"). A name that would become empty stays as it is.
std::string_view workload_name(std::string_view cgroup_name);

/// Names a cgroup where no runtime knows it: /shop/api-2 is namespace "shop", pod and container "api-2",
/// service "api". The parent path is the namespace so that two cgroups of one name stay apart.
/// The names hold the path's bytes as they are, valid UTF-8 or not.
ContainerName name_from_cgroup_path(std::string_view path);

/// Names a cgroup that is a systemd unit (".service", ".scope" …), which is no container: the service is the
/// unit's name, a template's instance included, without ".service"; pod and container are "". So is the
/// namespace of a unit of the system, which lies in slices alone; that of any other is the parent path, so
/// that nobody's unit in a cgroup of his own is taken for the system's of that name. Scopes and services that
/// are made for one run alone are told apart by nothing: session-7.scope is "session.scope", run-u12.service
/// "run". Nothing for other cgroups.
std::optional<ContainerName> name_of_systemd_unit(std::string_view path);

}  // namespace sonde::identity
