#include "exporter/row_accounts.h"

#include <algorithm>
#include <cassert>

namespace sonde::exporter {
namespace {

/// How long the row of a container that is gone waits for a successor with the same labels.
constexpr auto kRowsKept = std::chrono::minutes(10);

}  // namespace

RowAccounts::RowAccounts(size_t width) : width_(width) {
  host_.row.labels = metrics::Labels{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", ""}};
  host_.row.totals.assign(width, 0);
}

RowAccounts::StoredRow& RowAccounts::row_of(const metrics::Labels& labels) {
  auto& stored = stored_[std::string(labels.text())];
  if (!stored) {
    stored = std::make_unique<StoredRow>();
    stored->row.labels = labels;
    stored->row.totals.assign(width_, 0);
  }
  return *stored;
}

void RowAccounts::credit(KeyState& state, std::span<const uint64_t> counts, SteadyTime now) const {
  std::vector<uint64_t>& totals = state.row->row.totals;
  for (size_t field = 0; field < width_; ++field) {
    // Less than before: the entry was made anew.
    const uint64_t before = counts[field] >= state.counts[field] ? state.counts[field] : 0;
    if (counts[field] == before) continue;
    totals[field] += counts[field] - before;
    state.changed_at = now;
  }
  state.counts.assign(counts.begin(), counts.end());
}

void RowAccounts::update(const MapReading& reading, std::span<const metrics::Labels* const> rows,
                         const OwnerOf& owner_of, SteadyTime now) {
  assert(reading.width == width_);
  ++updates_;
  listed_.clear();
  std::vector<StoredRow*> by_index;
  by_index.reserve(rows.size());
  for (const metrics::Labels* labels : rows) {
    StoredRow& stored = row_of(*labels);
    by_index.push_back(&stored);
    stored.listed_at = now;
    if (std::exchange(stored.listed_in, updates_) != updates_) listed_.push_back(&stored.row);
  }
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
    if (is_new && !owner) continue;
    state.owned = owner.has_value();
    // A cgroup that was removed keeps its last owner: what it still does is that one's.
    if (owner) state.row = by_index[*owner];
    if (state.row == nullptr) state.row = &host_;
    credit(state, reading.counts_of(i), now);
  }
  drop_old_rows(now);
}

std::vector<MapKey> RowAccounts::idle(SteadyClock::duration unchanged_for, bool owned_too,
                                      SteadyTime now) const {
  std::vector<MapKey> keys;
  for (const auto& [key, state] : keys_) {
    if (state.row == nullptr) continue;  // its counts are nobody's yet
    if ((owned_too || !state.owned) && now - state.changed_at >= unchanged_for) keys.push_back(key);
  }
  return keys;
}

void RowAccounts::forget(const MapKey& key, std::span<const uint64_t> final_counts) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  if (found->second.row == nullptr) found->second.row = &host_;
  if (!final_counts.empty()) credit(found->second, final_counts, found->second.changed_at);
  keys_.erase(found);
}

void RowAccounts::drop_old_rows(SteadyTime now) {
  for (auto stored = stored_.begin(); stored != stored_.end();) {
    if (now - stored->second->listed_at < kRowsKept) {
      ++stored;
      continue;
    }
    const StoredRow* gone = stored->second.get();
    for (auto& [key, state] : keys_) {
      if (state.row == gone) state.row = &host_;
    }
    stored = stored_.erase(stored);
  }
}

}  // namespace sonde::exporter
