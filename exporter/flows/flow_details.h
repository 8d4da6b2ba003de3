#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "bpf/flow_rtt.h"
#include "exporter/flows/flow_table.h"

namespace sonde::exporter {

/// Packets of one direction of a connection, or of those before it with its addresses and ports, that the
/// kernel dropped. As struct dropped_flow.
struct DroppedPackets {
  uint64_t packets = 0;
  uint64_t last_ns = 0;
  uint64_t earlier = 0;
  uint64_t rested_ns = 0;
  std::string reason{};  ///< the kernel's, of the last one
};

/// What is known of flows beside their entries.
struct FlowDetails {
  FlowInterval interval{};                                               ///< the last one of their rates
  std::map<std::pair<uint32_t, uint32_t>, flow_threshold> thresholds{};  ///< by space and interface
  std::unordered_map<std::string, DroppedPackets> drops{};               ///< by drops_key()
};

/// A direction of a connection as the kernel's drops name it: the bytes of a dropped_flow_key.
std::string drops_key(const flow_key& key, bool sent);

/// Those of a connection that began at `first_ns` (CLOCK_MONOTONIC). Where drops of the one before it and its
/// own are less than SONDE_DROPS_REST_NS apart, or more such rests follow, it has both.
uint64_t drops_since(const DroppedPackets& drops, uint64_t first_ns);

/// What a direction carried in the interval, or in the part of it since the flow was made; nothing for a flow
/// that is younger.
std::optional<double> bytes_per_second(const flow_state& state, bool sent, const FlowInterval& interval);

/// Whether a flow is above its interface's threshold, as bpf/lib/flow_alerts.bpf.h judges it.
bool is_slow(const FlowEntry& flow, const FlowDetails& details);

}  // namespace sonde::exporter
