#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "bpf/flow_rtt.h"
#include "common/clock.h"
#include "common/result.h"
#include "exporter/flows/flow_programs.h"

namespace sonde::exporter {

/// What one pair counted since the last drain.
struct PairDelta {
  pair_key key;
  pair_traffic traffic;  ///< of all CPUs
  pair_samples samples;
};

/// Reads the counts per pair (interface and remote address) out of the kernel. Nothing is read twice and
/// nothing is lost, also where a pair ends. Threads: one. `programs` outlives it.
class PairTable {
 public:
  /// Pairs without a packet for `idle` are forgotten, which makes room; their next packet makes them anew.
  explicit PairTable(const FlowPrograms& programs, SteadyClock::duration idle = std::chrono::minutes(5));

  /// What was counted since the last call, of the pairs that counted anything. An interface's packets that
  /// found no room for a pair come under a remote of all zeros. Cost: 1 kB copied per pair; where pairs are
  /// forgotten, two RCU grace periods. Errors: a map could not be read; nothing is lost, the next call has
  /// it.
  Result<std::vector<PairDelta>> drain(SteadyTime now);

  /// Forgets the pairs of an interface that is gone, at the next drain, which still returns their last
  /// counts.
  void forget(const flow_interface_key& interface) { gone_.push_back(interface); }

  /// Pairs at the last drain.
  [[nodiscard]] size_t size() const { return owners_; }

 private:
  /// What the table knows of a slot.
  struct Slot {
    bool used = false;
    pair_key key{};
    uint32_t generation = 0;
    SteadyTime active{};
    pair_traffic traffic{};  ///< as of the last drain
    pair_samples samples{};
  };

  Result<void> read_owners(SteadyTime now);
  Result<void> read_counts(uint32_t first, uint32_t count, SteadyTime now, std::vector<PairDelta>& deltas);
  void add_delta(Slot& slot, const pair_traffic& traffic, const pair_samples& samples, SteadyTime now,
                 std::vector<PairDelta>& deltas);
  [[nodiscard]] bool wanted(const Slot& slot, SteadyTime now) const;
  Result<void> retire(SteadyTime now, std::vector<PairDelta>& deltas);
  [[nodiscard]] pair_traffic sum_over_cpus(const pair_traffic* of_cpus) const;
  [[nodiscard]] uint32_t used(uint32_t which) const;

  const FlowPrograms& programs_;
  SteadyClock::duration idle_;
  size_t cpus_;
  std::vector<Slot> slots_;
  std::vector<pair_traffic> sums_;  ///< of one range of slots, while it is read
  std::vector<flow_interface_key> gone_;
  size_t owners_ = 0;
};

}  // namespace sonde::exporter
