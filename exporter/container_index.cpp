#include "exporter/container_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include "common/file_descriptor.h"

namespace sonde::exporter {
namespace {

using identity::CgroupIds;
using identity::CgroupTree;
using identity::Hierarchy;
using identity::kHierarchies;

/// Paths to the containers' places in the table. The keys outlive it.
using Places = std::unordered_map<std::string_view, uint32_t>;

/// The place of the container that a path lies in (itself included).
std::optional<uint32_t> place_of(const Places& places, std::string_view path) {
  for (;;) {
    if (const auto found = places.find(path); found != places.end()) return found->second;
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || slash == 0) return std::nullopt;
    path = path.substr(0, slash);
  }
}

Places places_of(const std::vector<Container>& containers) {
  Places places;
  places.reserve(containers.size());
  for (uint32_t i = 0; i < containers.size(); ++i) places.emplace(containers[i].path, i);
  return places;
}

/// A cgroup is the same as before while any of its ids is.
bool same_cgroup(const CgroupIds& a, const CgroupIds& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != 0 && a[i] == b[i]) return true;
  }
  return false;
}

void set_labels(Container& container) {
  const identity::ContainerName& name = container.name;
  container.labels = metrics::Labels{{"namespace", name.name_space},
                                     {"pod", name.pod},
                                     {"container", name.container},
                                     {"service", name.service}};
  container.pod_labels = metrics::Labels{
      {"namespace", name.name_space}, {"pod", name.pod}, {"container", ""}, {"service", name.service}};
}

/// Gives a container whose labels another one has (names that differ only in bytes that are not UTF-8) its
/// cgroup's id as a suffix.
void make_unique(Container& container, std::unordered_set<std::string>& used) {
  set_labels(container);
  while (!used.emplace(container.labels.text()).second) {
    const uint64_t id = *std::ranges::max_element(container.cgroup_ids);
    container.name.pod += fmt::format("~{}", id);
    container.name.container = container.name.pod;
    set_labels(container);
  }
}

/// Whether a process is in a cgroup; those of other process namespaces count, which cgroup.procs shows as 0.
bool has_process(const std::string& directory) {
  char first = 0;
  for (const char* const file : {"/cgroup.procs", "/cgroup.threads"}) {
    const FileDescriptor descriptor(open((directory + file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptor) return false;
    const ssize_t size = read(descriptor.get(), &first, 1);
    if (size >= 0) return size == 1;
    if (errno != EOPNOTSUPP) return false;  // else a threaded cgroup, whose processes are in one above it
  }
  return false;
}

template <class Item>
void drop_oldest(std::deque<Item>& items) {
  while (items.size() > ContainerIndex::kMostRemoved) items.pop_front();
}

}  // namespace

void ContainerRule::FreeExpression::operator()(regex_t* expression) const {
  regfree(expression);
  delete expression;
}

Result<ContainerRule> ContainerRule::matching(const std::string& expression) {
  auto compiled = std::make_unique<regex_t>();
  const int error = regcomp(compiled.get(), ("^(" + expression + ")$").c_str(), REG_EXTENDED | REG_NOSUB);
  if (error != 0) {
    std::array<char, 200> reason{};
    regerror(error, compiled.get(), reason.data(), reason.size());
    return fail(
        ErrorCode::kInvalid,
        fmt::format("--container.cgroup-include={}: {}; give a POSIX extended regular expression, such as "
                    "/shop/[^/]+",
                    expression, reason.data()));
  }
  ContainerRule rule;
  rule.expression_.reset(compiled.release());
  return rule;
}

std::vector<std::string_view> ContainerRule::choose(const CgroupTree& tree,
                                                    const CgroupPaths& populated) const {
  std::vector<std::string_view> chosen;
  if (!expression_) {
    for (const auto& [path, ids] : tree) {
      if (populated.contains(path) && !identity::has_descendants(tree, path)) chosen.push_back(path);
    }
    return chosen;
  }
  Places places;
  for (const auto& [path, ids] : tree) {
    if (regexec(expression_.get(), path.c_str(), 0, nullptr, 0) != 0 || place_of(places, path)) continue;
    places.emplace(path, 0);
    chosen.push_back(path);
  }
  return chosen;
}

ContainerIndex::ContainerIndex(identity::CgroupMounts mounts, ContainerRule rule)
    : mounts_(std::move(mounts)), rule_(std::move(rule)) {}

void ContainerIndex::apply(const CgroupEvent& event) {
  if (event.path.empty() || event.path == "/") return;
  for (const identity::CgroupMount& mount : mounts_.mounts()) {
    if (mount.kernel_number != event.hierarchy_root) continue;
    for (const Hierarchy hierarchy : mount.hierarchies) {
      if (mounts_.directory(hierarchy, event.path).empty()) continue;
      if (event.kind == CgroupEvent::Kind::kCreated || event.kind == CgroupEvent::Kind::kPopulated) {
        set_id(std::string(event.path), hierarchy, event.cgroup_id);
        if (event.kind == CgroupEvent::Kind::kPopulated) set_populated(event.path);
      } else if (const auto node = tree_.find(event.path);
                 node != tree_.end() && node->second[static_cast<size_t>(hierarchy)] == event.cgroup_id) {
        remove(node, hierarchy);
      }
    }
  }
}

void ContainerIndex::replace(CgroupTree tree) {
  for (auto node = tree_.begin(); node != tree_.end();) {
    const auto now = tree.find(node->first);
    const CgroupIds before = node->second;
    const auto current = node++;
    for (const Hierarchy hierarchy : kHierarchies) {
      const auto i = static_cast<size_t>(hierarchy);
      if (before[i] != 0 && (now == tree.end() || now->second[i] != before[i])) remove(current, hierarchy);
    }
  }
  for (const auto& [path, ids] : tree) {
    for (const Hierarchy hierarchy : kHierarchies) {
      const uint64_t id = ids[static_cast<size_t>(hierarchy)];
      if (id != 0) set_id(path, hierarchy, id);
    }
  }
}

void ContainerIndex::look_for_processes() {
  if (!rule_.needs_populated()) return;
  for (const auto& [path, ids] : tree_) {
    if (populated_.contains(path) || identity::has_descendants(tree_, path)) continue;
    for (const Hierarchy hierarchy : kHierarchies) {
      if (ids[static_cast<size_t>(hierarchy)] == 0) continue;
      const std::string directory = mounts_.directory(hierarchy, path);
      if (directory.empty() || !has_process(directory)) continue;
      set_populated(path);
      break;
    }
  }
}

void ContainerIndex::set_populated(std::string_view path) {
  if (rule_.needs_populated() && populated_.emplace(path).second) changed_ = true;
}

void ContainerIndex::set_id(const std::string& path, Hierarchy hierarchy, uint64_t id) {
  const auto node = tree_.try_emplace(path).first;
  const uint64_t before = node->second[static_cast<size_t>(hierarchy)];
  if (before == id) return;
  if (before != 0) {  // its removal was missed
    removed_.push_back({hierarchy, before, path});
    populated_.erase(path);
  }
  node->second[static_cast<size_t>(hierarchy)] = id;
  changed_ = true;
}

void ContainerIndex::remove(CgroupTree::iterator node, Hierarchy hierarchy) {
  uint64_t& id = node->second[static_cast<size_t>(hierarchy)];
  removed_.push_back({hierarchy, id, node->first});
  drop_oldest(removed_);
  id = 0;
  if (node->second == CgroupIds{}) {
    populated_.erase(node->first);
    tree_.erase(node);
  }
  changed_ = true;
}

ContainerTable ContainerIndex::build() {
  std::vector<Container> containers;
  std::unordered_set<std::string> used;
  for (const std::string_view path : rule_.choose(tree_, populated_)) {
    Container container;
    container.path = path;
    container.name = identity::name_from_cgroup_path(path);
    container.cgroup_ids = tree_.find(path)->second;
    make_unique(container, used);
    containers.push_back(std::move(container));
  }

  ContainerTable::Owners owners;
  const Places places = places_of(containers);
  for (const auto& [path, ids] : tree_) {
    const auto place = place_of(places, path);
    if (!place) continue;
    if (path != containers[*place].path) containers[*place].descendants.push_back(path);
    for (const Hierarchy hierarchy : kHierarchies) {
      const uint64_t id = ids[static_cast<size_t>(hierarchy)];
      if (id != 0) owners[static_cast<size_t>(hierarchy)].emplace(id, *place);
    }
  }
  keep_removed(containers, owners);

  container_paths_.clear();
  for (const Container& container : containers) container_paths_.push_back(container.path);
  changed_ = false;
  return {std::move(containers), std::move(owners)};
}

void ContainerIndex::keep_removed(const std::vector<Container>& containers, ContainerTable::Owners& owners) {
  const Places places = places_of(containers);
  for (Removed& removed : removed_) {
    // What was a container itself had a row of its own and is not part of another's.
    if (std::ranges::binary_search(container_paths_, removed.path)) continue;
    const auto place = place_of(places, removed.path);
    if (!place || containers[*place].path == removed.path) continue;
    kept_.push_back({removed.hierarchy, removed.id, containers[*place].path, containers[*place].cgroup_ids});
  }
  removed_.clear();
  drop_oldest(kept_);
  std::erase_if(kept_, [&](Kept& kept) {
    const auto place = places.find(kept.container_path);
    if (place == places.end() || !same_cgroup(containers[place->second].cgroup_ids, kept.container_ids)) {
      return true;
    }
    kept.container_ids = containers[place->second].cgroup_ids;
    owners[static_cast<size_t>(kept.hierarchy)].emplace(kept.id, place->second);
    return false;
  });
}

}  // namespace sonde::exporter
