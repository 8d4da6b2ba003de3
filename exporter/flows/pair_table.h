#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "bpf/flow_rtt.h"
#include "common/clock.h"
#include "common/result.h"
#include "exporter/flows/flow_programs.h"
#include "exporter/flows/pair_shares.h"

namespace sonde::exporter {

/// What one pair counted since the last drain.
struct PairDelta {
  pair_key key;
  pair_traffic traffic;  ///< of all CPUs
  pair_samples samples;
};

/// Waits until no program is left that ran before: an RCU grace period. Programs run with preemption off. The
/// kernel refuses it with nohz_full; there the time that the calls around it take has to do.
void wait_for_programs();

/// Reads the counts per pair (interface and remote address) out of the kernel. Nothing is read twice and
/// nothing is lost, also where a pair ends. Threads: one at a time. `programs` outlives it.
class PairTable {
 public:
  /// Pairs without a packet for `idle`, or for a tenth of that where half of the slots are in use, are
  /// forgotten, which makes room; their next packet makes them anew.
  explicit PairTable(const FlowPrograms& programs, SteadyClock::duration idle = std::chrono::minutes(5));

  /// What was counted since the last call, of the pairs that counted anything. An interface's packets that
  /// found no room for a pair come under a remote of all zeros. Cost: 1 kB copied per pair. Errors: a map
  /// could not be read; nothing is lost, the next call has it.
  Result<std::vector<PairDelta>> drain(SteadyTime now);

  /// Takes the slots of idle pairs, and of those to be forgotten; returns what they counted since the last
  /// drain(). Calls `wait` twice where there are such, which has to do as wait_for_programs() and may let
  /// others call drain() and forget() meanwhile, but not this.
  std::vector<PairDelta> retire(SteadyTime now, const std::function<void()>& wait = wait_for_programs);

  /// Forgets the pairs of an interface that is gone, at the next retire().
  void forget(const flow_interface_key& interface) { gone_.push_back(interface); }
  /// Whether retire() should not wait: slots run short, or an interface is gone.
  [[nodiscard]] bool is_pressed() const;

  /// Pairs at the last drain.
  [[nodiscard]] size_t size() const { return owners_; }
  /// Interfaces with packets for which there was no room, in the minute before `now`, as of the last drain.
  [[nodiscard]] size_t overflowed(SteadyTime now) const;

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
  std::vector<uint32_t> unlist(SteadyTime now);
  void reclaim(uint32_t number, SteadyTime now, std::vector<PairDelta>& deltas);
  [[nodiscard]] bool slots_run_short() const;
  [[nodiscard]] pair_traffic sum_over_cpus(const pair_traffic* of_cpus) const;
  [[nodiscard]] uint32_t used(uint32_t which) const;

  const FlowPrograms& programs_;
  PairShares shares_;
  SteadyClock::duration idle_;
  size_t cpus_;
  std::vector<Slot> slots_;
  std::vector<pair_traffic> sums_;  ///< of one range of slots, while it is read
  std::vector<flow_interface_key> gone_;
  size_t owners_ = 0;
};

}  // namespace sonde::exporter
