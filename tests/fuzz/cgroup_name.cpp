// Arbitrary bytes as the path of a cgroup.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/container_cgroup.h"
#include "identity/container_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::identity;
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  const auto unit = name_of_systemd_unit(path);
  if (unit && path.find(unit->name_space) == std::string_view::npos) std::abort();
  const ContainerName name = name_from_cgroup_path(path);
  if (!name.container.starts_with(name.service)) std::abort();
  if (name.service.empty() != name.container.empty()) std::abort();
  if (name.container.find('/') != std::string::npos) std::abort();
  if (name.name_space.size() + name.container.size() > path.size()) std::abort();
  const auto container = parse_container_cgroup(path);
  if (container && container->id.size() != 64) std::abort();
  if (container && path.find(container->id) == std::string_view::npos) std::abort();
  return 0;
}
