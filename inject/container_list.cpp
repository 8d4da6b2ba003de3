#include "inject/container_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string_view>
#include <tuple>

#include "identity/cgroup_mounts.h"
#include "identity/cgroup_tree.h"
#include "identity/container_cgroup.h"
#include "identity/container_record.h"
#include "identity/node_name.h"
#include "identity/runtime_state_files.h"

namespace sonde::inject {
namespace {

using identity::CgroupMounts;

/// Whether the cgroup has a process of its own in any hierarchy.
bool has_process(const CgroupMounts& mounts, const std::string& path) {
  return std::ranges::any_of(identity::kHierarchies, [&](identity::Hierarchy hierarchy) {
    const std::string directory = mounts.directory(hierarchy, path);
    if (directory.empty()) return false;
    std::ifstream file(directory + "/cgroup.procs");
    return file.peek() != std::ifstream::traits_type::eof();
  });
}

/// Whether it lies in a cgroup that a runtime made, which is the container then.
bool lies_in_container(std::string_view path) {
  for (size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = path.rfind('/')) {
    path = path.substr(0, slash);
    if (identity::parse_container_cgroup(path)) return true;
  }
  return false;
}

}  // namespace

std::string display_name(const identity::ContainerName& name) {
  if (name.container.empty()) return name.service;
  return fmt::format("{}/{}/{}", name.name_space, name.pod, name.container);
}

Result<std::vector<NamedContainer>> list_containers(const std::string& rootfs) {
  const auto mounts = identity::read_cgroup_mounts({});
  if (!mounts) return tl::unexpected(mounts.error());
  const auto tree = identity::scan_cgroups(*mounts).tree;
  const std::string node = identity::node_name();
  identity::RuntimeStateFiles files(rootfs);
  std::vector<NamedContainer> found;
  for (const auto& [path, ids] : tree) {
    if (lies_in_container(path)) continue;
    NamedContainer container{path, {}, has_process(*mounts, path)};
    if (const auto cgroup = identity::parse_container_cgroup(path)) {
      const auto answer = files.find(*cgroup);
      const bool known = answer.state == identity::NameAnswer::State::kKnown;
      if (known && answer.record.sandbox) continue;
      container.name = known ? name_of(answer.record, node) : name_of_unknown(*cgroup);
    } else if (identity::has_descendants(tree, path)) {
      continue;
    } else {
      const auto unit = identity::name_of_systemd_unit(path);
      container.name = unit ? *unit : identity::name_from_cgroup_path(path);
    }
    found.push_back(std::move(container));
  }
  std::ranges::sort(found, {}, [](const NamedContainer& c) {
    return std::tie(c.name.name_space, c.name.pod, c.name.container, c.name.service, c.path);
  });
  return found;
}

}  // namespace sonde::inject
