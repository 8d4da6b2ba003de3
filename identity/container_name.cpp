#include "identity/container_name.h"

#include <array>
#include <utility>

namespace sonde::identity {
namespace {

/// The suffixes of units that have cgroups. Source: systemd.unit(5).
constexpr std::array<std::string_view, 5> kUnitSuffixes{".scope", ".mount", ".socket", ".swap", ".service"};

struct LastPart {
  std::string_view parent;
  std::string_view name;
};

LastPart last_part(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

/// Whether each part of a path is a slice: only systemd itself makes cgroups there. Below any other cgroup
/// whoever it was handed to (a user's own systemd, a container's) may make one of any name.
bool slices_alone(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (!path.substr(0, slash).ends_with(".slice")) return false;
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return true;
}

}  // namespace

std::string_view workload_name(std::string_view cgroup_name) {
  const size_t dash = cgroup_name.find_last_not_of("0123456789");
  const bool numbered =
      dash != std::string_view::npos && dash + 1 < cgroup_name.size() && dash > 0 && cgroup_name[dash] == '-';
  return numbered ? cgroup_name.substr(0, dash) : cgroup_name;
}

ContainerName name_from_cgroup_path(std::string_view path) {
  const LastPart last = last_part(path);
  return {.name_space = std::string(last.parent),
          .pod = std::string(last.name),
          .container = std::string(last.name),
          .service = std::string(workload_name(last.name))};
}

std::optional<ContainerName> name_of_systemd_unit(std::string_view path) {
  const auto [parent, unit] = last_part(path);
  for (const std::string_view suffix : kUnitSuffixes) {
    if (unit.size() <= suffix.size() || !unit.ends_with(suffix)) continue;
    std::string service(unit.starts_with("session-") ? "session"
                        : unit.starts_with("run-")   ? "run"
                                                     : unit.substr(0, unit.size() - suffix.size()));
    if (suffix != ".service") service += suffix;
    std::string name_space(slices_alone(parent) ? std::string_view() : parent);
    return ContainerName{
        .name_space = std::move(name_space), .pod = "", .container = "", .service = std::move(service)};
  }
  return std::nullopt;
}

}  // namespace sonde::identity
