#include "exporter/flows/flow_table.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>

#include "common/clock.h"
#include "exporter/flows/map_batches.h"

namespace sonde::exporter {

Result<std::vector<FlowEntry>> FlowTable::read() const {
  std::vector<FlowEntry> entries;
  auto read = read_hash(
      programs_.map("flows"), sizeof(flow_key), sizeof(flow_state), [&entries](const MapBatch& batch) {
        for (size_t i = 0; i < batch.count; ++i) {
          FlowEntry& entry = entries.emplace_back();
          std::memcpy(&entry.key, batch.keys.data() + i * sizeof(flow_key), sizeof(flow_key));
          std::memcpy(&entry.state, batch.values.data() + i * sizeof(flow_state), sizeof(flow_state));
        }
      });
  if (!read) return tl::unexpected<Error>(read.error());
  return entries;
}

Result<FlowTableCounts> FlowTable::counts() const {
  // Connections that are made while the table is counted must not look evicted: what was made is read before
  // that, what was deleted after it.
  const auto before = programs_.counts();
  if (!before) return tl::unexpected<Error>(before.error());
  const auto present = programs_.mark_flows(false);
  if (!present) return tl::unexpected<Error>(present.error());
  const auto after = programs_.counts();
  if (!after) return tl::unexpected<Error>(after.error());
  FlowTableCounts table;
  table.present = *present;
  table.made = before->counts[SONDE_FLOWS_MADE];
  table.deleted = after->counts[SONDE_FLOWS_DELETED] + forgotten_;
  table.not_made = after->counts[SONDE_FLOWS_NOT_MADE];
  const uint64_t gone = std::min(table.made, table.deleted + table.present);
  table.evicted = table.made - gone;
  return table;
}

Result<void> FlowTable::end_interval() {
  constexpr uint64_t kShortest = 1'000'000'000;
  const std::lock_guard lock(mutex_);
  const auto now =
      static_cast<uint64_t>(std::chrono::nanoseconds(SteadyClock::now().time_since_epoch()).count());
  if (now - interval_.end_ns < kShortest) return {};
  if (auto marked = programs_.mark_flows(true); !marked) return tl::unexpected<Error>(marked.error());
  interval_ = {interval_.end_ns, now};
  return {};
}

FlowInterval FlowTable::interval() const {
  const std::lock_guard lock(mutex_);
  return interval_;
}

void FlowTable::forget(const std::set<std::pair<uint32_t, uint32_t>>& interfaces) {
  std::vector<flow_key> keys;
  (void)read_hash(programs_.map("flows"), sizeof(flow_key), sizeof(flow_state), [&](const MapBatch& batch) {
    for (size_t i = 0; i < batch.count; ++i) {
      flow_key key;
      std::memcpy(&key, batch.keys.data() + i * sizeof(flow_key), sizeof(flow_key));
      if (interfaces.contains({key.space, key.interface})) keys.push_back(key);
    }
  });
  for (const flow_key& key : keys) {
    if (bpf_map_delete_elem(programs_.map("flows"), &key) == 0) ++forgotten_;
  }
}

}  // namespace sonde::exporter
