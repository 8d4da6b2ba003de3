#include "exporter/flows/flow_view.h"

#include <netinet/in.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

namespace sonde::exporter {
namespace {

using Json = nlohmann::ordered_json;

/// A flow and whose it is.
struct Named {
  const FlowEntry* entry;
  const FlowPod* pod;  ///< the host's where it is nobody's
};

double seconds(uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

bool matches(const Named& flow, const FlowsRequest& request, const FlowDetails& details) {
  const FlowPod& pod = *flow.pod;
  if (request.slow && !is_slow(*flow.entry, details)) return false;
  if (request.name_space && *request.name_space != pod.name.name_space) return false;
  if (request.pod && *request.pod != pod.name.pod) return false;
  if (request.service && *request.service != pod.name.service) return false;
  return !request.container || std::ranges::find(pod.containers, *request.container) != pod.containers.end();
}

/// By what it is sorted.
double rank(const flow_state& state, FlowOrder order, uint64_t now_ns) {
  switch (order) {
    case FlowOrder::kRtt:
      return static_cast<double>(smoothed_ns(state.rtt));
    case FlowOrder::kRetransmits:
      return static_cast<double>(state.sent.retransmitted + state.received.retransmitted);
    case FlowOrder::kAge:
      return static_cast<double>(now_ns) - static_cast<double>(state.first_ns);
    case FlowOrder::kBytes:
      break;
  }
  return static_cast<double>(state.sent.bytes + state.received.bytes);
}

/// null where there was no sample.
Json times_json(const flow_times& times) {
  if (times.count == 0) return nullptr;
  return {{"smoothed_seconds", seconds(smoothed_ns(times))},
          {"minimum_seconds", seconds(times.minimum)},
          {"last_seconds", seconds(times.last)},
          {"samples", times.count}};
}

Json direction_json(const FlowEntry& entry, bool sent, const FlowDetails& details) {
  const flow_direction& direction = sent ? entry.state.sent : entry.state.received;
  const auto rate = bytes_per_second(entry.state, sent, details.interval);
  Json json{{"bytes", direction.bytes},
            {"bytes_per_second", rate ? Json(*rate) : Json(nullptr)},
            {"packets", direction.packets},
            {"retransmits", direction.retransmitted},
            {"drops", 0}};
  const auto dropped = details.drops.find(drops_key(entry.key, sent));
  if (dropped == details.drops.end()) return json;
  if (const uint64_t drops = drops_since(dropped->second, entry.state.first_ns); drops > 0) {
    json["drops"] = drops;
    json["drop_reason"] = dropped->second.reason;
  }
  return json;
}

Json peer_json(const PeerTable& peers, const flow_address& address, uint16_t port, uint32_t space) {
  const PeerName name = peers.find(address, space);
  return {{"namespace", name.name_space},
          {"pod", name.pod},
          {"service", name.service},
          {"address", address_text(address)},
          {"port", port}};
}

/// Both ends as the flow's packets have them beyond the node's NAT; null where nothing is changed.
Json beyond_nat_json(const flow_key& key, const PeerTable& peers, const TranslationTable* translations) {
  if (translations == nullptr) return nullptr;
  const auto beyond = translations->beyond(
      {endpoint_of(key.local, key.local_port), endpoint_of(key.remote, key.remote_port), IPPROTO_TCP});
  if (!beyond) return nullptr;
  return {{"local", {{"address", address_text(address_of(beyond->local))}, {"port", beyond->local.port}}},
          {"remote", peer_json(peers, address_of(beyond->remote), beyond->remote.port, key.space)}};
}

Json flow_json(const Named& flow, const PeerTable& peers, const TranslationTable* translations,
               const FlowDetails& details, uint64_t now_ns) {
  const flow_key& key = flow.entry->key;
  const flow_state& state = flow.entry->state;
  const uint64_t last_ns = std::max({state.sent.last_ns, state.received.last_ns, state.first_ns});
  const auto ago = [now_ns](uint64_t ns) { return seconds(now_ns - std::min(ns, now_ns)); };
  Json json{
      {"local",
       {{"namespace", flow.pod->name.name_space},
        {"pod", flow.pod->name.pod},
        {"containers", flow.pod->containers},
        {"service", flow.pod->name.service},
        {"address", address_text(key.local)},
        {"port", key.local_port}}},
      {"remote", peer_json(peers, key.remote, key.remote_port, key.space)},
      {"beyond_nat", beyond_nat_json(key, peers, translations)},
      {"interface", key.interface},
      {"space", key.space},
      {"role", state.role == SONDE_ROLE_CLIENT   ? "client"
               : state.role == SONDE_ROLE_SERVER ? "server"
                                                 : "unknown"},
      {"age_seconds", ago(state.first_ns)},
      {"idle_seconds", ago(last_ns)},
      {"rtt", times_json(state.rtt)},
      {"local_rtt", times_json(state.local_rtt)},
      {"handshake_rtt_seconds", state.handshake_ns == 0 ? Json(nullptr) : Json(seconds(state.handshake_ns))},
      {"request_latency", times_json(state.request)},
      {"sent", direction_json(*flow.entry, true, details)},
      {"received", direction_json(*flow.entry, false, details)}};
  return json;
}

}  // namespace

std::string flows_json(const std::vector<FlowEntry>& entries, const FlowsRequest& request, FlowPods& pods,
                       const PeerTable& peers, const TranslationTable* translations,
                       const FlowDetails& details, SteadyTime now) {
  const auto now_ns = static_cast<uint64_t>(std::chrono::nanoseconds(now.time_since_epoch()).count());
  std::vector<Named> flows;
  for (const FlowEntry& entry : entries) {
    const FlowPod* pod = pods.pod_of({entry.key.space, entry.key.interface}, now);
    const Named flow{&entry, pod == nullptr ? &pods.host() : pod};
    if (matches(flow, request, details)) flows.push_back(flow);
  }
  const size_t matched = flows.size();
  const size_t shown = std::min(matched, request.limit);
  const auto larger = [&](const Named& left, const Named& right) {
    const double left_rank = rank(left.entry->state, request.order, now_ns);
    const double right_rank = rank(right.entry->state, request.order, now_ns);
    return std::tie(right_rank, left.entry) < std::tie(left_rank, right.entry);
  };
  std::partial_sort(flows.begin(), flows.begin() + static_cast<ptrdiff_t>(shown), flows.end(), larger);
  flows.resize(shown);
  Json json{
      {"flows", Json::array()},
      {"matched", matched},
      {"in_table", entries.size()},
      {"interval_seconds",
       seconds(details.interval.begin_ns == 0 ? 0 : details.interval.end_ns - details.interval.begin_ns)},
      {"thresholds", details.thresholds.size()},
      {"translated_connections",
       translations == nullptr ? Json(nullptr) : Json(translations->connections())}};
  for (const Named& flow : flows)
    json["flows"].push_back(flow_json(flow, peers, translations, details, now_ns));
  // Names may hold any bytes.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace sonde::exporter
