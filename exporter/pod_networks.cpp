#include "exporter/pod_networks.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "identity/network_namespace.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;

/// The first page holds the first process, however many there are.
constexpr size_t kFirstPage = 4096;
/// Of a container whose processes are all in cgroups below it, so many are searched.
constexpr size_t kMostDescendants = 16;

}  // namespace

PodNetworks::PodNetworks(identity::HostRoots roots, identity::CgroupMounts mounts,
                         std::shared_ptr<identity::FileBudget> open_files)
    : roots_(std::move(roots)),
      mounts_(std::move(mounts)),
      budget_(std::move(open_files)),
      host_namespace_(identity::host_network_namespace(roots_.procfs).value_or(0)) {}

bool PodNetworks::update(std::vector<Container>& containers, SteadyTime now) {
  bool changed = false;
  std::unordered_set<uint64_t> taken{0, host_namespace_};
  for (auto& [path, known] : known_) known.seen = false;
  for (Container& container : containers) {
    Known& known = known_[container.path];
    if (known.ids != container.cgroup_ids) {
      known.processes.reset();
      known.ids = container.cgroup_ids;
    }
    known.seen = true;
    const int32_t process = find_process(container, known);
    uint64_t name_space = 0;
    if (process != 0) {
      name_space = namespace_of(process, known, now);
      if (!taken.insert(name_space).second) name_space = 0;
    }
    changed |= process != container.process_id || name_space != container.network_namespace;
    container.process_id = process;
    container.network_namespace = name_space;
  }
  std::erase_if(known_, [](const auto& entry) { return !entry.second.seen; });
  return changed;
}

/// Reads it at doubling distances: a process that a runtime has just made is yet to get its namespace, later
/// hardly one goes to another.
uint64_t PodNetworks::namespace_of(int32_t process, Known& known, SteadyTime now) const {
  if (process != known.process) {
    known.process = process;
    known.process_since = now;
  } else if (now - known.looked_at <
             std::min<SteadyClock::duration>(known.looked_at - known.process_since, kLongestTrust)) {
    return known.name_space;
  }
  const auto read = identity::network_namespace_of(roots_.procfs, std::to_string(process));
  if (!read) known.process = 0;  // it is gone
  known.looked_at = now;
  known.name_space = read.value_or(0);
  return known.name_space;
}

int32_t PodNetworks::find_process(const Container& container, Known& known) {
  if (known.processes) {
    if (const auto process = read_first(*known.processes)) return *process;
    known.processes.reset();
  }
  const auto search = [&](std::string_view path) -> std::optional<int32_t> {
    for (const Hierarchy hierarchy : identity::kHierarchies) {
      if (container.cgroup_ids[static_cast<size_t>(hierarchy)] == 0) continue;
      const std::string directory = mounts_.directory(hierarchy, path);
      if (directory.empty()) continue;
      identity::KeptFile file(directory + "/cgroup.procs", *budget_);
      const auto process = read_first(file);
      if (!process) continue;
      known.processes.emplace(std::move(file));
      return process;
    }
    return std::nullopt;
  };
  if (const auto process = search(container.path)) return *process;
  for (size_t i = 0; i < container.descendants.size() && i < kMostDescendants; ++i) {
    if (const auto process = search(container.descendants[i])) return *process;
  }
  return 0;
}

std::optional<int32_t> PodNetworks::read_first(identity::KeptFile& file) {
  const auto content = file.read(buffer_, kFirstPage);
  return content ? identity::first_process(*content) : std::nullopt;
}

}  // namespace sonde::exporter
