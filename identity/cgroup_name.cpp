#include "identity/cgroup_name.h"

#include "identity/container_cgroup.h"
#include "identity/container_record.h"
#include "identity/runtime_state_files.h"

namespace sonde::identity {

ContainerName name_of_cgroup(std::string_view path, const std::string& rootfs, std::string_view node) {
  if (const auto cgroup = parse_container_cgroup(path)) {
    const NameAnswer answer = RuntimeStateFiles(rootfs).find(*cgroup);
    const bool known = answer.state == NameAnswer::State::kKnown;
    return known ? name_of(answer.record, node) : name_of_unknown(*cgroup);
  }
  if (auto unit = name_of_systemd_unit(path)) return *unit;
  return name_from_cgroup_path(path);
}

}  // namespace sonde::identity
