#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
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

/// Between two moments, of CLOCK_MONOTONIC in ns.
struct FlowInterval {
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
};

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

  /// Ends the flows' interval (flow_state.sent_interval) where it has lasted a second. Errors, cost: as
  /// counts().
  Result<void> end_interval();
  /// The last one that ended: CLOCK_MONOTONIC, in ns; of 0 to 0 where none has.
  [[nodiscard]] FlowInterval interval() const;

  /// Deletes the connections of interfaces (space and index) that are gone. Cost: as read().
  void forget(const std::set<std::pair<uint32_t, uint32_t>>& interfaces);

 private:
  const FlowPrograms& programs_;
  std::atomic<uint64_t> forgotten_{0};
  mutable std::mutex mutex_;  ///< guards the next
  FlowInterval interval_{};
};

}  // namespace sonde::exporter
