#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "bpf/flow_rtt.h"
#include "common/result.h"
#include "exporter/flows/flow_programs.h"

namespace sonde::exporter {

/// One connection. Its state is being written while it is read: what belongs together may be a packet apart.
struct FlowEntry {
  flow_key key;
  flow_state state;
};

/// Smoothed time in ns (1/8 of the newest); 0 without a sample.
inline uint64_t smoothed_ns(const flow_times& times) {
  return times.smoothed_8 / 8;
}

/// How the flow table is filled.
struct FlowTableCounts {
  uint64_t present = 0;
  uint64_t made = 0;
  uint64_t deleted = 0;   ///< closed connections, and those of interfaces that are gone
  uint64_t evicted = 0;   ///< forgotten for others' sake: made − deleted − present
  uint64_t not_made = 0;  ///< found no room at all
};

/// Reads the map `flows`. Threads: safe. `programs` outlives it.
class FlowTable {
 public:
  explicit FlowTable(const FlowPrograms& programs) : programs_(programs) {}

  /// Every connection in the table. Cost: 400 bytes copied for each. Errors: the map could not be read.
  [[nodiscard]] Result<std::vector<FlowEntry>> read() const;

  /// Errors: the kernel could not count them. Cost: a walk through the table in the kernel; nothing is
  /// copied. Where connections come and go meanwhile, `present` is of a moment.
  [[nodiscard]] Result<FlowTableCounts> counts() const;

  /// Deletes the connections of interfaces (space and index) that are gone. Cost: as read().
  void forget(const std::set<std::pair<uint32_t, uint32_t>>& interfaces);

 private:
  const FlowPrograms& programs_;
  std::atomic<uint64_t> forgotten_{0};
};

}  // namespace sonde::exporter
