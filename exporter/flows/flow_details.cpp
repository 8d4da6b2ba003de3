#include "exporter/flows/flow_details.h"

#include <algorithm>

#include "bpf/packet_drops.h"

namespace sonde::exporter {

std::string drops_key(const flow_key& key, bool sent) {
  dropped_flow_key drops{.pair = {.source = key.local, .destination = key.remote},
                         .source_port = key.local_port,
                         .destination_port = key.remote_port};
  if (!sent) {
    std::swap(drops.pair.source, drops.pair.destination);
    std::swap(drops.source_port, drops.destination_port);
  }
  return {reinterpret_cast<const char*>(&drops), sizeof drops};
}

uint64_t drops_since(const DroppedPackets& drops, uint64_t first_ns) {
  if (first_ns > drops.last_ns) return 0;
  return first_ns > drops.rested_ns ? drops.packets - drops.earlier : drops.packets;
}

std::optional<double> bytes_per_second(const flow_state& state, bool sent, const FlowInterval& interval) {
  const uint64_t begin_ns = std::max<uint64_t>(interval.begin_ns, state.first_ns);
  if (begin_ns >= interval.end_ns) return std::nullopt;
  const flow_interval& carried = sent ? state.sent_interval : state.received_interval;
  return static_cast<double>(carried.bytes) * 1e9 / static_cast<double>(interval.end_ns - begin_ns);
}

bool is_slow(const FlowEntry& flow, const FlowDetails& details) {
  const auto found = details.thresholds.find({flow.key.space, flow.key.interface});
  if (found == details.thresholds.end()) return false;
  const flow_threshold& threshold = found->second;
  const uint64_t smoothed = smoothed_ns(flow.state.rtt);
  if (flow.state.rtt.count < threshold.min_samples) return false;
  if (threshold.absolute_ns != 0 && smoothed > threshold.absolute_ns) return true;
  const uint64_t limit = flow.state.baseline_ns * threshold.relative_percent / 100;
  return limit != 0 && smoothed > limit && smoothed > threshold.floor_ns;
}

}  // namespace sonde::exporter
