#include "exporter/container_index.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "exporter/cgroup_directory.h"

namespace sonde::exporter {
namespace {

using identity::CgroupIds;
using identity::CgroupTree;
using identity::Hierarchy;
using identity::kHierarchies;

/// Paths to the containers' places in the table. The keys outlive it.
using Places = std::unordered_map<std::string_view, uint32_t>;

/// The path of the cgroup above; "" for the root.
std::string_view parent_of(std::string_view path) {
  return path.substr(0, path.rfind('/'));
}

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

template <class Item>
void drop_oldest(std::deque<Item>& items) {
  while (items.size() > ContainerIndex::kMostRemoved) items.pop_front();
}

}  // namespace

ContainerIndex::ContainerIndex(identity::CgroupMounts mounts, ContainerIndexOptions options,
                               std::unique_ptr<identity::ContainerNames> names)
    : mounts_(std::move(mounts)),
      options_(std::move(options)),
      names_(std::move(names)),
      ended_(options_.bounds.most_containers, options_.linger) {}

void ContainerIndex::apply(const CgroupEvent& event, SteadyTime now) {
  if (event.path.empty() || event.path == "/") return;
  for (const identity::CgroupMount& mount : mounts_.mounts()) {
    if (mount.kernel_number != event.hierarchy_root) continue;
    for (const Hierarchy hierarchy : mount.hierarchies) {
      if (mounts_.directory(hierarchy, event.path).empty()) continue;
      if (event.kind == CgroupEvent::Kind::kCreated || event.kind == CgroupEvent::Kind::kPopulated) {
        set_id(std::string(event.path), hierarchy, event.cgroup_id, now);
        if (event.kind == CgroupEvent::Kind::kPopulated) set_populated(event.path);
      } else if (const auto node = tree_.find(event.path);
                 node != tree_.end() && node->second[static_cast<size_t>(hierarchy)] == event.cgroup_id) {
        remove(node, hierarchy, now);
      }
    }
  }
}

void ContainerIndex::replace(const identity::CgroupScan& scan, SteadyTime now) {
  const CgroupTree& tree = scan.tree;
  for (auto node = tree_.begin(); node != tree_.end();) {
    const auto found = tree.find(node->first);
    const CgroupIds before = node->second;
    const auto current = node++;
    for (const Hierarchy hierarchy : kHierarchies) {
      const auto i = static_cast<size_t>(hierarchy);
      if (before[i] == 0 || (found != tree.end() && found->second[i] == before[i])) continue;
      // A walk that could not read everything does not tell what is gone.
      if (scan.complete() || is_gone(mounts_.directory(hierarchy, current->first), before[i])) {
        remove(current, hierarchy, now);
      }
    }
  }
  for (const auto& [path, ids] : tree) {
    for (const Hierarchy hierarchy : kHierarchies) {
      const uint64_t id = ids[static_cast<size_t>(hierarchy)];
      if (id != 0) set_id(path, hierarchy, id, now);
    }
  }
}

void ContainerIndex::look_for_processes() {
  if (!options_.rule.needs_populated()) return;
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
  if (options_.rule.needs_populated() && populated_.emplace(path).second) changed_ = true;
}

void ContainerIndex::set_id(const std::string& path, Hierarchy hierarchy, uint64_t id, SteadyTime now) {
  const auto [node, is_new] = tree_.try_emplace(path);
  if (is_new && names_) {
    if (const auto* const cgroup = runtime_cgroups_.add(path)) {
      // Asked at once: a container may be gone, and its files with it, before the next scrape.
      names_->find(*cgroup, now);
    }
  }
  const uint64_t before = node->second[static_cast<size_t>(hierarchy)];
  if (before == id) return;
  if (before != 0) {  // its removal was missed
    removed_.push_back({hierarchy, before, path});
    populated_.erase(path);
    shared_.erase(path);
  }
  node->second[static_cast<size_t>(hierarchy)] = id;
  changed_ = true;
}

void ContainerIndex::remove(CgroupTree::iterator node, Hierarchy hierarchy, SteadyTime now) {
  const auto leaving = leaving_.try_emplace(node->first, node->second).first;
  uint64_t& id = node->second[static_cast<size_t>(hierarchy)];
  removed_.push_back({hierarchy, id, node->first});
  drop_oldest(removed_);
  id = 0;
  if (node->second == CgroupIds{}) {
    end(node->first, leaving->second, now);
    leaving_.erase(leaving);
    populated_.erase(node->first);
    shared_.erase(node->first);
    if (const auto free = runtime_cgroups_.remove(node->first)) names_->forget(*free);
    tree_.erase(node);
  }
  changed_ = true;
}

/// Moves the container that a cgroup was, if it was one, to those that ended.
void ContainerIndex::end(const std::string& path, const CgroupIds& ids, SteadyTime now) {
  Container container;
  const auto life = lives_.find(path);
  const bool seen = life != lives_.end();
  if (seen) {
    container = std::move(life->second);
    lives_.erase(life);
  } else if (auto was = what_it_was(path)) {
    container.path = path;
    container.name = std::move(was->name);
    container.record = std::move(was->record);
    container.life = ++last_life_;
    container.listed = !too_long(container.name, options_.bounds);
    set_labels(container);
  } else {
    return;
  }
  container.cgroup_ids = ids;
  container.descendants.clear();
  container.process_id = 0;
  container.network_namespace = 0;
  container.shown = false;
  ended_.add(std::move(container), seen, now);
}

/// The container that a cgroup was which came and went since the last build; nothing if it was none.
std::optional<ContainerIndex::Chosen> ContainerIndex::what_it_was(std::string_view path) {
  if (const auto* const runtime = runtime_cgroups_.find(path)) {
    const bool believed = runtime_cgroups_.believed(path, *runtime);
    const identity::NameAnswer last = believed ? names_->find_last(*runtime) : identity::NameAnswer();
    const bool known = last.state == identity::NameAnswer::State::kKnown;
    if (known ? last.record.sandbox : lies_in_life(path)) return std::nullopt;
    auto record = known ? std::make_shared<const identity::ContainerRecord>(last.record) : nullptr;
    return Chosen{path, name_of(*runtime, record.get()), std::move(record)};
  }
  CgroupTree alone;
  alone.emplace(path, CgroupIds{});
  const bool chosen = !lies_in_life(path) && !identity::has_descendants(tree_, path) &&
                      !options_.rule.choose(alone, populated_).empty();
  auto name = chosen ? name_by_rule(path) : std::nullopt;
  if (!name) return std::nullopt;
  return Chosen{path, std::move(*name), nullptr};
}

bool ContainerIndex::lies_in_life(std::string_view path) const {
  for (; !path.empty(); path = path.substr(0, path.rfind('/'))) {
    if (lives_.contains(path)) return true;
  }
  return false;
}

identity::ContainerName ContainerIndex::name_of(const identity::ContainerCgroup& cgroup,
                                                const identity::ContainerRecord* record) const {
  return record != nullptr ? identity::name_of(*record, options_.node) : identity::name_of_unknown(cgroup);
}

/// The name of a cgroup that the rule chose; nothing for those that are part of a runtime, not of a
/// container.
std::optional<identity::ContainerName> ContainerIndex::name_by_rule(std::string_view path) const {
  if (!options_.rule.needs_populated()) return identity::name_from_cgroup_path(path);
  const std::string_view last = path.substr(path.rfind('/') + 1);
  if (last.find("conmon-") != std::string_view::npos) return std::nullopt;
  // Of Podman, beside the container with which it shares a unit (--cgroups=split, as Quadlet's units do it).
  if (last == "runtime" && identity::has_sibling(tree_, path, "libpod-payload-")) return std::nullopt;
  auto unit = identity::name_of_systemd_unit(path);
  if (!unit) return identity::name_from_cgroup_path(path);
  return options_.systemd_units ? unit : std::nullopt;
}

bool ContainerIndex::changed(SteadyTime now) const {
  return changed_ || undecided_ > 0 || unnamed_ || ended_.due(now);
}

/// What of the tree is a container now.
struct ContainerIndex::Choice {
  std::vector<Chosen> chosen;
  /// Cgroups that are not for the rule: the containers of runtimes, those that are undecided, sandboxes.
  std::map<std::string_view, bool> taken;  ///< true: undecided

  [[nodiscard]] bool lies_in_taken(std::string_view path) const {
    for (; !path.empty(); path = path.substr(0, path.rfind('/'))) {
      if (taken.contains(path)) return true;
    }
    return false;
  }
};

ContainerIndex::Choice ContainerIndex::choose(SteadyTime now) {
  Choice choice;
  choose_of_runtimes(choice, now);
  for (const std::string_view path : options_.rule.choose(tree_, populated_)) {
    if (choice.lies_in_taken(path)) continue;
    const auto below = choice.taken.upper_bound(path);
    const bool above_one = below != choice.taken.end() && below->first.starts_with(path) &&
                           below->first.size() > path.size() && below->first[path.size()] == '/';
    if (above_one) continue;
    if (auto name = name_by_rule(path)) choice.chosen.push_back({path, std::move(*name), nullptr});
  }
  std::ranges::sort(choice.chosen, {}, &Chosen::path);
  return choice;
}

void ContainerIndex::choose_of_runtimes(Choice& choice, SteadyTime now) {
  undecided_ = 0;
  unnamed_ = false;
  for (const auto& [path, cgroup] : runtime_cgroups_.all()) {
    const bool believed = runtime_cgroups_.believed(path, cgroup);
    const auto life = lives_.find(path);
    if (believed && life != lives_.end() && life->second.record) {
      choice.taken.emplace(path, false);
      choice.chosen.push_back({path, life->second.name, life->second.record});
      continue;
    }
    identity::NameAnswer answer = believed ? names_->find(cgroup, now) : identity::NameAnswer();
    using State = identity::NameAnswer::State;
    if (answer.state == State::kPending && life == lives_.end()) {
      ++undecided_;
      choice.taken.emplace(path, true);
    } else if (answer.state == State::kKnown) {
      choice.taken.emplace(path, false);
      if (answer.record.sandbox) continue;
      auto record = std::make_shared<const identity::ContainerRecord>(std::move(answer.record));
      choice.chosen.push_back({path, name_of(cgroup, record.get()), record});
    } else {
      unnamed_ |= believed;
      // A container within one that is known is a part of it unless it is known itself.
      if (choice.lies_in_taken(path)) continue;
      choice.taken.emplace(path, false);
      choice.chosen.push_back({path, name_of(cgroup, nullptr), nullptr});
    }
  }
}

/// The life that a chosen cgroup has now: the one before, or a new one.
Container& ContainerIndex::live(Chosen chosen, SteadyTime now) {
  const CgroupIds& ids = tree_.find(chosen.path)->second;
  auto life = lives_.find(chosen.path);
  if (life != lives_.end()) {
    Container& container = life->second;
    if (same_cgroup(container.cgroup_ids, ids)) {
      container.cgroup_ids = ids;
      if ((chosen.record != nullptr) == (container.record != nullptr)) return container;
      ++container.name_number;   // a runtime tells it at last, or its id is another's
      container.listed = false;  // it gets its labels with those that are new
      container.name = std::move(chosen.name);
      container.record = std::move(chosen.record);
      return container;
    }
    end(std::string(chosen.path), CgroupIds(container.cgroup_ids), now);
  }
  Container& container = lives_[std::string(chosen.path)];
  container.path = chosen.path;
  container.name = std::move(chosen.name);
  container.record = std::move(chosen.record);
  container.cgroup_ids = ids;
  container.life = ++last_life_;
  container.listed = false;
  container.owns_past = !shared_.contains(chosen.path);
  for (auto above = parent_of(chosen.path); !above.empty(); above = parent_of(above)) {
    if (tree_.contains(above)) shared_.emplace(above);
  }
  return container;
}

/// Lets go of the lives that were not chosen: their cgroups are others now, or no containers any more.
void ContainerIndex::drop_others(const std::unordered_set<std::string_view>& chosen, SteadyTime now) {
  for (auto next = lives_.begin(); next != lives_.end();) {
    const auto life = next++;
    if (chosen.contains(life->first)) continue;
    const auto node = tree_.find(life->first);
    if (node == tree_.end() || !same_cgroup(life->second.cgroup_ids, node->second)) {
      end(std::string(life->first), CgroupIds(life->second.cgroup_ids), now);
      continue;
    }
    shared_.insert(life->first);
    lives_.erase(life);
  }
}

ContainerTable ContainerIndex::build(SteadyTime now) {
  Choice choice = choose(now);
  std::vector<Container*> now_live;
  std::unordered_set<std::string_view> paths;
  for (Chosen& chosen : choice.chosen) {
    paths.insert(chosen.path);
    now_live.push_back(&live(std::move(chosen), now));
  }
  drop_others(paths, now);
  unlisted_ = list_containers(now_live, options_.bounds);

  std::vector<Container> containers;
  containers.reserve(now_live.size());
  for (Container* container : now_live) {
    container->descendants.clear();
    containers.push_back(*container);
  }
  Places places = places_of(containers);
  for (const auto& [path, undecided] : choice.taken) {
    if (undecided) places.emplace(path, ContainerTable::kUndecided);
  }
  ContainerTable::Owners owners;
  for (const auto& [path, ids] : tree_) {
    const auto place = place_of(places, path);
    if (!place) continue;
    if (*place != ContainerTable::kUndecided && path != containers[*place].path) {
      containers[*place].descendants.push_back(path);
    }
    for (const Hierarchy hierarchy : kHierarchies) {
      const uint64_t id = ids[static_cast<size_t>(hierarchy)];
      if (id != 0) owners[static_cast<size_t>(hierarchy)].emplace(id, *place);
    }
  }
  std::vector<Container> ended = ended_.list(static_cast<uint32_t>(containers.size()), owners, now);
  keep_removed(containers, owners);
  changed_ = false;
  return {std::move(containers), std::move(ended), std::move(owners)};
}

void ContainerIndex::keep_removed(const std::vector<Container>& containers, ContainerTable::Owners& owners) {
  const Places places = places_of(containers);
  for (Removed& removed : removed_) {
    // What was a container itself had a row of its own and is not part of another's.
    if (owners[static_cast<size_t>(removed.hierarchy)].contains(removed.id)) continue;
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
