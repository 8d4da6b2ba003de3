#include "identity/container_name.h"

namespace sonde::identity {

std::string_view workload_name(std::string_view cgroup_name) {
  const size_t dash = cgroup_name.find_last_not_of("0123456789");
  const bool numbered =
      dash != std::string_view::npos && dash + 1 < cgroup_name.size() && dash > 0 && cgroup_name[dash] == '-';
  return numbered ? cgroup_name.substr(0, dash) : cgroup_name;
}

ContainerName name_from_cgroup_path(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  return {.name_space = std::string(parent),
          .pod = std::string(last),
          .container = std::string(last),
          .service = std::string(workload_name(last))};
}

}  // namespace sonde::identity
