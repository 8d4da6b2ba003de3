#include "exporter/ended_containers.h"

#include <utility>

#include "exporter/container_listing.h"

namespace sonde::exporter {

using identity::Hierarchy;
using identity::kHierarchies;

void EndedContainers::add(Container container, bool seen, SteadyTime now) {
  const identity::CgroupIds ids = container.cgroup_ids;
  ended_.push_back({.container = std::move(container), .cgroups = {ids}, .at = now, .seen = seen});
  while (ended_.size() > most_) {
    // What a table has had is counted in its own row, and goes on to be.
    if (!ended_.front().seen) overflow(ended_.front(), now);
    ended_.pop_front();
  }
}

void EndedContainers::overflow(const Ended& one, SteadyTime now) {
  ++overflowed_;
  if (!overflow_) {
    Container other;
    other.life = one.container.life;
    other.listed = other.shown = false;
    set_labels(other);
    overflow_ = Ended{.container = std::move(other), .cgroups = {}, .at = now};
  }
  if (overflow_->cgroups.size() >= kMostOverflowing) return;
  overflow_->cgroups.insert(overflow_->cgroups.end(), one.cgroups.begin(), one.cgroups.end());
}

bool EndedContainers::due(SteadyTime now) const {
  return !ended_.empty() && now - ended_.front().at >= linger_;
}

std::vector<Container> EndedContainers::list(uint32_t first_place, ContainerTable::Owners& owners,
                                             SteadyTime now) {
  std::erase_if(ended_, [&](const Ended& one) { return now - one.at >= linger_ && one.listed; });
  if (overflow_) {
    ended_.push_back(std::move(*overflow_));
    overflow_.reset();
  }
  std::vector<Container> containers;
  containers.reserve(ended_.size());
  for (Ended& one : ended_) {
    one.seen = one.listed = true;
    const uint32_t place = first_place + static_cast<uint32_t>(containers.size());
    for (const identity::CgroupIds& ids : one.cgroups) {
      for (const Hierarchy hierarchy : kHierarchies) {
        const auto i = static_cast<size_t>(hierarchy);
        if (ids[i] != 0) owners[i].emplace(ids[i], place);
      }
    }
    containers.push_back(one.container);
  }
  return containers;
}

}  // namespace sonde::exporter
