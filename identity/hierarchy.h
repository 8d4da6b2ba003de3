#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sonde::identity {

/// A cgroup hierarchy that container measurements come from. On v2 all are kUnified; on v1 and hybrid each
/// controller is its own tree with its own ids. The values are shared with the kernel side
/// (bpf/cgroup_key.h).
enum class Hierarchy : uint32_t { kUnified = 0, kMemory = 1, kCpu = 2, kCpuacct = 3, kBlkio = 4, kPids = 5 };
inline constexpr size_t kHierarchyCount = 6;
inline constexpr std::array<Hierarchy, kHierarchyCount> kHierarchies{Hierarchy::kUnified, Hierarchy::kMemory,
                                                                     Hierarchy::kCpu,     Hierarchy::kCpuacct,
                                                                     Hierarchy::kBlkio,   Hierarchy::kPids};

/// A cgroup's id in each hierarchy; 0 where it has none there.
using CgroupIds = std::array<uint64_t, kHierarchyCount>;

/// The controller's name as the kernel writes it ("memory"); "unified" for v2.
std::string_view hierarchy_name(Hierarchy hierarchy);

/// The v1 hierarchy of a controller's name; nothing for those that hold no container measurement.
std::optional<Hierarchy> hierarchy_of_controller(std::string_view name);

}  // namespace sonde::identity
