#include "identity/network_namespace.h"

#include <unistd.h>

#include <array>

#include "identity/cgroup_file.h"

namespace sonde::identity {

std::optional<int32_t> first_process(std::string_view cgroup_procs) {
  while (!cgroup_procs.empty()) {
    const size_t end = cgroup_procs.find('\n');
    const auto process = parse_integer<int32_t>(cgroup_procs.substr(0, end));
    if (process && *process > 0) return process;
    if (end == std::string_view::npos) return std::nullopt;
    cgroup_procs.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<uint64_t> network_namespace_of(const std::string& procfs, std::string_view process) {
  const std::string path = procfs + '/' + std::string(process) + "/ns/net";
  std::array<char, 64> buffer{};
  const ssize_t length = readlink(path.c_str(), buffer.data(), buffer.size());
  if (length <= 0) return std::nullopt;
  std::string_view link(buffer.data(), static_cast<size_t>(length));  // net:[4026531840]
  if (!link.starts_with("net:[") || !link.ends_with(']')) return std::nullopt;
  link.remove_prefix(5);
  link.remove_suffix(1);
  return parse_integer<uint64_t>(link);
}

std::optional<uint64_t> host_network_namespace(const std::string& procfs) {
  const auto of_first = network_namespace_of(procfs, "1");
  return of_first ? of_first : network_namespace_of(procfs, "self");
}

}  // namespace sonde::identity
