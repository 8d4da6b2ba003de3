#include "exporter/flows/flow_table.h"

#include <algorithm>
#include <cstring>

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
  FlowTableCounts table;
  auto read = read_hash(programs_.map("flows"), sizeof(flow_key), sizeof(flow_state),
                        [&table](const MapBatch& batch) { table.present += batch.count; });
  if (!read) return tl::unexpected<Error>(read.error());
  const auto counts = programs_.counts();
  if (!counts) return tl::unexpected<Error>(counts.error());
  table.made = counts->counts[SONDE_FLOWS_MADE];
  table.deleted = counts->counts[SONDE_FLOWS_DELETED];
  table.not_made = counts->counts[SONDE_FLOWS_NOT_MADE];
  const uint64_t gone = std::min(table.made, table.deleted + table.present);
  table.evicted = table.made - gone;
  return table;
}

}  // namespace sonde::exporter
