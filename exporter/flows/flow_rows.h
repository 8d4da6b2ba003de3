#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>

#include "bpf/flow_rtt.h"
#include "exporter/container_totals.h"
#include "exporter/flows/flow_pods.h"
#include "exporter/flows/peer_table.h"
#include "exporter/flows/row_budget.h"

namespace sonde::exporter {

/// Packets of a pair that this node's kernel dropped, on its way from the pod or to it.
struct PairDrops {
  uint64_t sent = 0;
  uint64_t received = 0;
};

/// What is counted for one pair.
struct PairCounts {
  pair_traffic traffic{};
  pair_samples samples{};
  PairDrops drops{};
};
inline constexpr size_t kPairCounters = sizeof(PairCounts) / sizeof(uint64_t);
/// The same as it lies in a row: PairCounts' bytes, all of them counters.
using PairCounters = std::array<uint64_t, kPairCounters>;

struct FlowRowsOptions {
  /// Rows of a pod and a remote workload, those that linger included: --flows.max-rows. Beside them each pod
  /// has one at most for all its other peers.
  size_t max_rows = 250;
  RowRetention retention{};
  bool host_row = true;  ///< whether what belongs to no pod is exported
};

/// Turns what was counted per interface and remote address into rows per pod and remote workload.
///
/// Each increment is added to the row that its key has at that moment: the pair's own, or that of the pod's
/// other peers ("~other") where the pair is not among those with the most traffic. A row never falls, begins
/// at 0 and, once it has no owner, lingers as those of containers do; so sums over the rows and increase()
/// are exact however membership changes. Threads: one.
class FlowRows {
 public:
  using Row = ContainerTotals::Row;

  explicit FlowRows(const FlowRowsOptions& options);

  /// Takes in what was counted since the last call. `pods` and `peers` are those of now.
  void add(const pair_key& key, const pair_traffic& traffic, const pair_samples& samples, FlowPods& pods,
           const PeerTable& peers, SteadyTime now);
  /// The same of anything that is counted.
  void add(const pair_key& key, const PairCounts& counts, FlowPods& pods, const PeerTable& peers,
           SteadyTime now);
  /// Makes rows of what was added: once a scrape.
  void settle(FlowPods& pods, SteadyTime now);

  /// As of the last settle().
  [[nodiscard]] std::span<const Row* const> rows() const { return totals_.rows(); }
  /// Pairs of a pod and a peer that are part of ~other and had traffic of late.
  [[nodiscard]] size_t unlisted() const { return budget_.waiting(); }

 private:
  struct Gathered {
    uint64_t pod = 0;
    PeerName peer{};
    PairCounters counts{};
  };
  struct PairRow {
    uint64_t life = 0;  ///< CountOwner::life
    uint64_t pod = 0;
    metrics::Labels peer{};
  };
  struct Waiting {
    PeerName peer{};
    PairCounters counts{};
  };

  void gather(uint64_t pod, const PeerName& peer, const PairCounters& counts);
  void resolve_waiting(FlowPods& pods, SteadyTime now);
  void rehome(const FlowPods& pods, SteadyTime now);
  void end_rows(const FlowPods& pods, SteadyTime now);
  void choose_rows(const FlowPods& pods, SteadyTime now);
  void name_owners(const FlowPods& pods, SteadyTime now);
  void credit();

  FlowRowsOptions options_;
  RowBudget budget_;
  ContainerTotals totals_;
  uint64_t last_life_ = 0;
  std::unordered_map<std::string, Gathered> gathered_;  ///< since the last settle(); by pod and peer
  std::map<FlowPods::Interface, std::map<std::string, Waiting>> waiting_;  ///< whose pod is to become known
  std::unordered_map<std::string, PairRow> pairs_;  ///< with rows of their own, also such that linger
  std::unordered_map<uint64_t, uint64_t> others_;   ///< lives of the rows ~other, by the pod's
};

}  // namespace sonde::exporter
