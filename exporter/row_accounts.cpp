#include "exporter/row_accounts.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "exporter/container_table.h"

namespace sonde::exporter {

RowAccounts::RowAccounts(size_t width, RowRetention retention)
    : width_(width), totals_(width, std::move(retention)), increments_(width) {
  host_.labels = metrics::Labels{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", ""}};
  host_.totals.assign(width, 0);
}

void RowAccounts::credit(KeyState& state, std::span<const uint64_t> counts, SteadyTime now) {
  bool any = false;
  for (size_t field = 0; field < width_; ++field) {
    // Less than before: the entry was made anew.
    const uint64_t before = counts[field] >= state.counts[field] ? state.counts[field] : 0;
    increments_[field] = counts[field] - before;
    any |= increments_[field] != 0;
  }
  state.counts.assign(counts.begin(), counts.end());
  if (!any) return;
  state.changed_at = now;
  if (state.life != 0 && totals_.add(state.life, increments_)) return;
  for (size_t field = 0; field < width_; ++field) host_.totals[field] += increments_[field];
}

void RowAccounts::update(const MapReading& reading, std::span<const CountOwner> owners,
                         const OwnerOf& owner_of, SteadyTime now, const OwnerOf& host_of) {
  assert(reading.width == width_);
  totals_.begin(owners, now);
  for (size_t i = 0; i < reading.keys.size(); ++i) {
    const MapKey& key = reading.keys[i];
    const auto [found, is_new] = keys_.try_emplace(key);
    KeyState& state = found->second;
    if (is_new) {
      state.counts.assign(width_, 0);
      state.changed_at = now;
    }
    const std::optional<uint32_t> owner = owner_of(key);
    // The container table is older than the reading and may not know a new cgroup yet. The next one does, if
    // it is a container's: until then its counts stay at 0, and are credited as a whole.
    if ((is_new && !owner) || owner == ContainerTable::kUndecided) continue;
    state.owned = owner.has_value();
    state.decided = true;
    // A cgroup that was removed keeps its last owner: what it still does is that one's.
    if (owner) state.life = owners[*owner].life;
    if (!owner && state.life == 0 && host_of) {
      if (const auto host = host_of(key)) state.life = owners[*host].life;
    }
    state.ended = owner && !owners[*owner].alive;
    credit(state, reading.counts_of(i), now);
  }
  totals_.finish(now);
}

std::vector<MapKey> RowAccounts::idle(SteadyClock::duration unchanged_for, bool owned_too,
                                      SteadyTime now) const {
  std::vector<MapKey> keys;
  for (const auto& [key, state] : keys_) {
    if (!state.decided) continue;  // its counts are nobody's yet
    const bool idle = (owned_too || !state.owned) && now - state.changed_at >= unchanged_for;
    if (idle || state.ended) keys.push_back(key);
  }
  return keys;
}

void RowAccounts::forget(const MapKey& key, std::span<const uint64_t> final_counts) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  if (!final_counts.empty()) credit(found->second, final_counts, found->second.changed_at);
  keys_.erase(found);
}

}  // namespace sonde::exporter
