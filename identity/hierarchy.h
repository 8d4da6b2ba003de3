#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sonde::identity {

/// A cgroup hierarchy that container measurements come from. On v2 all are kUnified; on v1 and hybrid each
/// controller is its own tree with its own ids. The values are shared with the kernel side
/// (bpf/cgroup_key.h).
enum class Hierarchy : uint32_t { kUnified = 0, kMemory = 1, kCpu = 2, kCpuacct = 3, kBlkio = 4, kPids = 5 };
inline constexpr size_t kHierarchyCount = 6;

/// The controller's name as the kernel writes it ("memory"); "unified" for v2.
std::string_view hierarchy_name(Hierarchy hierarchy);

}  // namespace sonde::identity
