#include "exporter/runtime_cgroups.h"

#include <utility>

namespace sonde::exporter {
namespace {

/// Whether a cgroup lies below a unit of systemd or a container, which may have been handed to somebody.
bool lies_in_hands(std::string_view path) {
  for (size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = path.rfind('/')) {
    path = path.substr(0, slash);
    if (path.ends_with(".service") || path.ends_with(".scope")) return true;
    if (identity::parse_container_cgroup(path)) return true;
  }
  return false;
}

}  // namespace

const identity::ContainerCgroup* RuntimeCgroups::add(const std::string& path) {
  auto cgroup = identity::parse_container_cgroup(path);
  if (!cgroup) return nullptr;
  const auto [found, is_new] = cgroups_.try_emplace(path, std::move(*cgroup));
  if (!is_new) return &found->second;
  Id& id = ids_[found->second.id];
  ++id.cgroups;
  if (id.path.empty() || (lies_in_hands(id.path) && !lies_in_hands(path))) id.path = path;
  return &found->second;
}

std::optional<std::string> RuntimeCgroups::remove(std::string_view path) {
  const auto found = cgroups_.find(path);
  if (found == cgroups_.end()) return std::nullopt;
  std::string name = std::move(found->second.id);
  cgroups_.erase(found);
  const auto id = ids_.find(name);
  if (--id->second.cgroups > 0) return std::nullopt;
  ids_.erase(id);
  return name;
}

const identity::ContainerCgroup* RuntimeCgroups::find(std::string_view path) const {
  const auto found = cgroups_.find(path);
  return found == cgroups_.end() ? nullptr : &found->second;
}

bool RuntimeCgroups::believed(std::string_view path, const identity::ContainerCgroup& cgroup) const {
  return ids_.at(cgroup.id).path == path;
}

}  // namespace sonde::exporter
