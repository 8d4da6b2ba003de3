#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/packet_drops.h"
#include "common/clock.h"
#include "exporter/bpf_context.h"
#include "exporter/drop_reasons.h"
#include "exporter/flows/address.h"
#include "exporter/flows/flow_details.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/flow_rows.h"

namespace sonde::exporter {

/// Packets that the kernel dropped, by pair and by connection, as the programs of packet_drops count them;
/// nothing while those are not loaded. Threads: connections() from any, the rest from one. `context` outlives
/// it.
class FlowDrops {
 public:
  struct Delta {
    pair_key key;  ///< of the pod's interface
    PairDrops drops;
  };

  explicit FlowDrops(const BpfContext& context);

  /// Whose addresses are whose, from now on: the programs count for those alone. One that two pods have is
  /// nobody's. Returns what drain() had until then, of whose they were.
  std::vector<Delta> update(std::span<const FlowInterface> interfaces,
                            std::span<const ContainerAddresses> addresses, SteadyTime now);

  /// What was dropped since the last call between pods' addresses and others. A packet from pod to pod is
  /// both pods'. Pairs without drops for five minutes are forgotten, for half a one where half of the places
  /// are taken.
  std::vector<Delta> drain(SteadyTime now);

  /// By drops_key(), since the first drop of such addresses and ports; those of the longest ago may be
  /// missing.
  [[nodiscard]] std::unordered_map<std::string, DroppedPackets> connections() const;

 private:
  struct Known {
    SteadyTime changed{};
    uint64_t packets = 0;
  };

  using Interfaces = std::unordered_map<flow_address, flow_interface_key, AddressHash, AddressEqual>;

  void name_addresses(int map, const Interfaces& interfaces);
  void drain(const BpfObject& object, SteadyTime now, std::vector<Delta>& deltas);
  void take(const dropped_pair& pair, uint64_t packets, std::vector<Delta>& deltas) const;

  const BpfContext& context_;
  DropReasons reasons_;
  Interfaces interfaces_;                         ///< of pods
  std::unordered_map<std::string, Known> known_;  ///< by the bytes of a dropped_pair
  bool full_ = false;                             ///< more addresses than the programs can know: told
};

}  // namespace sonde::exporter
