#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "exporter/container_index.h"

/// Cgroups that no kernel has, for the tests of the index.
namespace sonde::exporter {

using identity::CgroupIds;
using identity::CgroupTree;
using identity::Hierarchy;

inline constexpr uint32_t kMemoryTree = 4;
inline constexpr SteadyTime kNow{std::chrono::hours(1)};

/// A v1 memory tree and a v2 tree.
inline identity::CgroupMounts two_trees() {
  return identity::CgroupMounts({{"/memory", "/", {Hierarchy::kMemory}, kMemoryTree, false},
                                 {"/unified", "/", {Hierarchy::kUnified}, 0, false}});
}

/// Cgroups of the memory tree by path and id.
inline CgroupTree memory_tree(const std::vector<std::pair<std::string, uint64_t>>& cgroups) {
  CgroupTree tree;
  for (const auto& [path, id] : cgroups) tree[path][static_cast<size_t>(Hierarchy::kMemory)] = id;
  return tree;
}

inline ContainerRule rule(const std::string& expression) {
  auto made = ContainerRule::matching(expression);
  EXPECT_TRUE(made.has_value());
  return made ? std::move(*made) : ContainerRule();
}

inline std::vector<std::string> paths_of(const ContainerTable& table) {
  std::vector<std::string> paths;
  for (const Container& container : table.containers()) paths.push_back(container.path);
  return paths;
}

/// The path of the container that owns a cgroup of the memory tree, after "ended " if it ended; "" for none.
inline std::string owner(const ContainerTable& table, uint64_t id, Hierarchy hierarchy = Hierarchy::kMemory) {
  const auto index = table.find(hierarchy, id);
  if (!index) return "";
  if (*index == ContainerTable::kUndecided) return "undecided";
  const size_t live = table.containers().size();
  return *index < live ? table.containers()[*index].path : "ended " + table.ended()[*index - live].path;
}

inline ContainerIndexOptions with(ContainerRule rule) {
  ContainerIndexOptions options;
  options.rule = std::move(rule);
  return options;
}

inline CgroupEvent created(const std::string& path, uint64_t id, uint32_t tree = kMemoryTree) {
  return {CgroupEvent::Kind::kCreated, tree, id, path};
}
inline CgroupEvent populated(const std::string& path, uint64_t id, uint32_t tree = kMemoryTree) {
  return {CgroupEvent::Kind::kPopulated, tree, id, path};
}
inline CgroupEvent removed(const std::string& path, uint64_t id, uint32_t tree = kMemoryTree) {
  return {CgroupEvent::Kind::kRemoved, tree, id, path};
}

/// What a walk found, each with a process in it.
inline void replace_populated(ContainerIndex& index,
                              const std::vector<std::pair<std::string, uint64_t>>& cgroups) {
  index.replace({memory_tree(cgroups)}, kNow);
  for (const auto& [path, id] : cgroups) index.apply(populated(path, id), kNow);
}

}  // namespace sonde::exporter
