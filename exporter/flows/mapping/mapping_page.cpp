#include "exporter/flows/mapping/mapping_page.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "exporter/flows/address.h"
#include "exporter/flows/mapping/mapping_words.h"

namespace sonde::exporter {
namespace {

using nlohmann::json;

constexpr size_t kMostListed = 10'000;
constexpr double kNanoseconds = 1e9;

tl::unexpected<Error> wrong(const char* parameter, const std::string& value, const char* allowed) {
  return fail(ErrorCode::kInvalid, fmt::format("{}={}: give {}", parameter, value, allowed));
}

using Entry = std::pair<mapping_key, mapping_state>;

/// A flow with what is known of its ends on this node's side of NAT.
struct Flow {
  const Entry* entry = nullptr;
  std::optional<FlowView> at_container{};  ///< set where NAT changes the flow
  const AddressedPod* local = nullptr;
  const AddressedPod* remote = nullptr;
};

Flow flow_of(const Entry& entry, const TranslationTable& translations, const PodAddresses& pods) {
  const auto& [key, state] = entry;
  Flow flow{.entry = &entry};
  if (state.translated != 0) {
    flow.at_container = FlowView{endpoint_of(state.inside_local, state.inside_local_port),
                                 endpoint_of(state.inside_remote, state.inside_remote_port), key.protocol};
  } else {
    flow.at_container = translations.at_container(
        {endpoint_of(key.local, key.local_port), endpoint_of(key.remote, key.remote_port), key.protocol});
  }
  flow.local = pods.find(flow.at_container ? address_of(flow.at_container->local) : key.local);
  flow.remote = pods.find(key.remote);
  return flow;
}

bool wanted(const Flow& flow, const MappingQuery& query) {
  const auto& [key, state] = *flow.entry;
  const auto named = [&](const auto& matches) {
    return (flow.local != nullptr && matches(flow.local->name)) ||
           (flow.remote != nullptr && matches(flow.remote->name));
  };
  if (query.name_space && !named([&](const auto& name) { return name.name_space == *query.name_space; })) {
    return false;
  }
  if (query.pod && !named([&](const auto& name) { return name.pod == *query.pod; })) return false;
  if (query.tunnel &&
      *query.tunnel != tunnel_word(state.translated != 0 ? uint8_t{SONDE_TUNNEL_NAT} : key.tunnel)) {
    return false;
  }
  if (query.address && !same_address(*query.address, key.local) &&
      !same_address(*query.address, key.remote)) {
    const auto& inside = flow.at_container;
    if (!inside || (!same_address(*query.address, address_of(inside->local)) &&
                    !same_address(*query.address, address_of(inside->remote)))) {
      return false;
    }
  }
  const auto in_outer = [&](const mapping_direction& direction) {
    return direction.traffic.packets > 0 && (same_address(*query.outer, direction.outer.local) ||
                                             same_address(*query.outer, direction.outer.remote));
  };
  return !query.outer || in_outer(state.sent) || in_outer(state.received);
}

uint64_t rank(const mapping_state& state, MappingQuery::Order order) {
  switch (order) {
    case MappingQuery::Order::kRtt:
      return state.rtt.smoothed_8;
    case MappingQuery::Order::kLast:
      return std::max(state.sent.traffic.last_ns, state.received.traffic.last_ns);
    default:
      return state.sent.traffic.bytes + state.received.traffic.bytes;
  }
}

json end_json(const flow_address& address, uint16_t port, const AddressedPod* pod) {
  json end{{"address", address_text(address)}, {"port", port}};
  if (pod != nullptr) {
    end["namespace"] = pod->name.name_space;
    end["pod"] = pod->name.pod;
    end["service"] = pod->name.service;
  }
  return end;
}

json direction_json(const mapping_direction& direction, uint8_t tunnel, uint64_t now_ns) {
  const flow_direction& traffic = direction.traffic;
  json sent{{"bytes", traffic.bytes}, {"packets", traffic.packets}, {"retransmits", traffic.retransmitted}};
  if (traffic.packets == 0) return sent;
  sent["idle_seconds"] =
      now_ns > traffic.last_ns ? static_cast<double>(now_ns - traffic.last_ns) / kNanoseconds : 0;
  if (tunnel == SONDE_TUNNEL_NONE) return sent;
  sent["outer"] = {{"address", address_text(direction.outer.local)},
                   {"remote_address", address_text(direction.outer.remote)},
                   {"changes", direction.changes}};
  if (tunnel != SONDE_TUNNEL_IPIP) {
    sent["outer"]["source_port"] = direction.outer.source_port;
    sent["outer"]["destination_port"] = direction.outer.destination_port;
  }
  return sent;
}

json times_json(const flow_times& times) {
  if (times.count == 0) return {{"samples", 0}};
  return {{"samples", times.count},
          {"smoothed_seconds", static_cast<double>(times.smoothed_8) / 8 / kNanoseconds},
          {"minimum_seconds", static_cast<double>(times.minimum) / kNanoseconds}};
}

/// Whether a TCP connection is over: both ends have sent FIN, or one RST.
bool is_closed(const mapping_state& state) {
  constexpr uint32_t kBoth = SONDE_FINISHED_LOCAL | SONDE_FINISHED_REMOTE;
  return (state.finished & SONDE_FINISHED_RESET) != 0 || (state.finished & kBoth) == kBoth;
}

json flow_json(const Flow& flow, const MappingNames& names, uint64_t now_ns) {
  const auto& [key, state] = *flow.entry;
  const bool translated = state.translated != 0;
  const auto interface = names.interfaces.find(key.interface);
  json one{
      {"protocol", protocol_word(key.protocol)},
      {"tunnel", tunnel_word(translated ? uint8_t{SONDE_TUNNEL_NAT} : key.tunnel)},
      {"interface", interface == names.interfaces.end() ? std::to_string(key.interface) : interface->second},
      {"local", end_json(key.local, key.local_port, translated ? nullptr : flow.local)},
      {"remote", end_json(key.remote, key.remote_port, flow.remote)},
      {"sent", direction_json(state.sent, key.tunnel, now_ns)},
      {"received", direction_json(state.received, key.tunnel, now_ns)},
      {"underlay_rtt", times_json(state.rtt)},
      {"underlay_local_rtt", times_json(state.local_rtt)}};
  if (key.protocol == IPPROTO_TCP) one["closed"] = is_closed(state);
  if (key.tunnel == SONDE_TUNNEL_VXLAN || key.tunnel == SONDE_TUNNEL_GENEVE) one["vni"] = key.vni;
  if (flow.at_container) {
    const FlowView& inside = *flow.at_container;
    one["at_container"] = {{"local", end_json(address_of(inside.local), inside.local.port, flow.local)},
                           {"remote", end_json(address_of(inside.remote), inside.remote.port, nullptr)}};
  }
  return one;
}

}  // namespace

Result<MappingQuery> parse_mapping_query(const http::Request& request) {
  MappingQuery query;
  for (const auto& [name, value] : request.parameters) {
    if (name == "namespace") {
      query.name_space = value;
    } else if (name == "pod") {
      query.pod = value;
    } else if (name == "tunnel") {
      bool known = false;
      for (uint8_t tunnel = 0; tunnel < SONDE_TUNNELS; ++tunnel) known |= value == tunnel_word(tunnel);
      if (!known) return wrong("tunnel", value, "none, nat, vxlan, geneve or ipip");
      query.tunnel = value;
    } else if (name == "address" || name == "outer") {
      const auto address = parse_address(value);
      if (!address) return wrong(name.c_str(), value, "an IPv4 or IPv6 address, such as 10.1.0.2");
      (name == "outer" ? query.outer : query.address) = address;
    } else if (name == "sort") {
      if (value != "bytes" && value != "rtt" && value != "last")
        return wrong("sort", value, "bytes, rtt or last");
      query.order = value == "rtt"    ? MappingQuery::Order::kRtt
                    : value == "last" ? MappingQuery::Order::kLast
                                      : MappingQuery::Order::kBytes;
    } else if (name == "limit") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), query.limit);
      if (error != std::errc() || end != value.data() + value.size() || query.limit < 1 ||
          query.limit > kMostListed) {
        return wrong("limit", value, "a number from 1 to 10000");
      }
    } else {
      return fail(
          ErrorCode::kInvalid,
          name + ": no such parameter; there are namespace, pod, address, outer, tunnel, sort, limit");
    }
  }
  return query;
}

std::string mapping_page(const MappingPrograms::Mappings& mappings, const TranslationTable& translations,
                         const MappingNames& names, const MappingQuery& query, uint64_t now_ns) {
  std::vector<Flow> flows;
  for (const Entry& entry : mappings) {
    const Flow flow = flow_of(entry, translations, *names.pods);
    if (wanted(flow, query)) flows.push_back(flow);
  }
  std::ranges::stable_sort(flows, std::ranges::greater{},
                           [&](const Flow& flow) { return rank(flow.entry->second, query.order); });
  json listed = json::array();
  for (size_t i = 0; i < flows.size() && i < query.limit; ++i) {
    listed.push_back(flow_json(flows[i], names, now_ns));
  }
  const json page{{"flows_present", mappings.size()},
                  {"flows_matching", flows.size()},
                  {"translated_connections", translations.connections()},
                  {"flows", std::move(listed)}};
  return page.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace sonde::exporter
