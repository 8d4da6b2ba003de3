#include "exporter/flows/flow_drops.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "common/log.h"
#include "exporter/bpf_program.h"
#include "exporter/flows/map_batches.h"
#include "exporter/flows/pair_shares.h"

namespace sonde::exporter {
namespace {

constexpr std::chrono::seconds kForgotten{300};
/// Where a pod may have its share already (take_share()).
constexpr std::chrono::seconds kForgottenSoon{30};
constexpr size_t kHalfFull = SONDE_DROPPED_PAIRS / 2;

/// Calls `work` with a map of the loaded programs, which stay meanwhile.
void with_map(const BpfContext& context, const char* name, const std::function<void(int map)>& work) {
  context.for_each_object([&](const BpfObject& object) {
    if (object.topic() == "packet_drops") work(object.map_descriptor(name));
  });
}

template <class Key>
std::string bytes_of(const Key& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

dropped_pair pair_of(const std::string& bytes) {
  dropped_pair pair;
  std::memcpy(&pair, bytes.data(), sizeof pair);
  return pair;
}

template <class Key, class Value>
void read_entries(int map, const std::function<void(const Key&, const Value&)>& take) {
  (void)read_hash(map, sizeof(Key), sizeof(Value), [&take](const MapBatch& batch) {
    for (size_t i = 0; i < batch.count; ++i) {
      Key key;
      Value value;
      std::memcpy(&key, batch.keys.data() + i * sizeof key, sizeof key);
      std::memcpy(&value, batch.values.data() + i * sizeof value, sizeof value);
      take(key, value);
    }
  });
}

}  // namespace

FlowDrops::FlowDrops(const BpfContext& context)
    : context_(context), reasons_(DropReasons::of_this_kernel()) {}

std::vector<FlowDrops::Delta> FlowDrops::update(std::span<const FlowInterface> interfaces,
                                                std::span<const ContainerAddresses> addresses,
                                                SteadyTime now) {
  std::map<uint64_t, flow_interface_key> of_pods;  // by network namespace
  for (const FlowInterface& interface : interfaces) {
    if (interface.network_namespace == 0) continue;
    of_pods.try_emplace(interface.network_namespace,
                        flow_interface_key{.space = interface.space, .interface = interface.index});
  }
  Interfaces by_address;
  std::set<std::string> of_two;
  for (const ContainerAddresses& of_container : addresses) {
    const auto pod = of_pods.find(of_container.network_namespace);
    if (pod == of_pods.end()) continue;
    for (const flow_address& address : of_container.addresses) {
      const auto [known, is_new] = by_address.emplace(address, pod->second);
      const bool same =
          known->second.space == pod->second.space && known->second.interface == pod->second.interface;
      if (!is_new && !same) of_two.insert(bytes_of(address));
    }
  }
  std::erase_if(by_address, [&of_two](const auto& entry) { return of_two.contains(bytes_of(entry.first)); });
  with_map(context_, "pod_addresses", [&](int map) { name_addresses(map, by_address); });
  // Nothing is counted any more for who is gone, but what was is theirs.
  std::vector<Delta> last = drain(now);
  interfaces_ = std::move(by_address);
  return last;
}

/// Makes the programs' map of addresses what `interfaces` says.
void FlowDrops::name_addresses(int map, const Interfaces& interfaces) {
  std::vector<flow_address> gone;
  auto missing = interfaces;
  read_entries<flow_address, uint32_t>(map, [&](const flow_address& address, uint32_t share) {
    const auto wanted = missing.find(address);
    if (wanted == missing.end()) {
      if (!interfaces.contains(address)) gone.push_back(address);
    } else if (share_of(wanted->second.interface, wanted->second.space) == share) {
      missing.erase(wanted);
    }
  });
  for (const flow_address& address : gone) bpf_map_delete_elem(map, &address);
  for (const auto& [address, pod] : missing) {
    const uint32_t share = share_of(pod.interface, pod.space);
    if (bpf_map_update_elem(map, &address, &share, BPF_ANY) == 0 || std::exchange(full_, true)) continue;
    log::warning("drops of some pods' addresses are in no pair", {{"reason", strerrordesc_np(errno)}});
  }
}

void FlowDrops::take(const dropped_pair& pair, uint64_t packets, std::vector<Delta>& deltas) const {
  const auto add = [&](const flow_address& local, const flow_address& remote, const PairDrops& drops) {
    const auto pod = interfaces_.find(local);
    if (pod == interfaces_.end()) return;
    deltas.push_back(
        {{.remote = remote, .interface = pod->second.interface, .space = pod->second.space}, drops});
  };
  add(pair.source, pair.destination, {.sent = packets, .received = 0});
  add(pair.destination, pair.source, {.sent = 0, .received = packets});
}

std::vector<FlowDrops::Delta> FlowDrops::drain(SteadyTime now) {
  std::vector<Delta> deltas;
  context_.for_each_object([&](const BpfObject& object) {
    if (object.topic() == "packet_drops") drain(object, now, deltas);
  });
  return deltas;
}

void FlowDrops::drain(const BpfObject& object, SteadyTime now, std::vector<Delta>& deltas) {
  const int map = object.map_descriptor("dropped_pairs");
  read_entries<dropped_pair, dropped_packets>(map, [&](const dropped_pair& pair, const auto& dropped) {
    Known& known = known_.try_emplace(bytes_of(pair), Known{.changed = now, .packets = 0}).first->second;
    if (dropped.packets <= known.packets) return;
    take(pair, dropped.packets - known.packets, deltas);
    known = {.changed = now, .packets = dropped.packets};
  });
  PairShares shares(object.map_descriptor("pair_shares"));
  const auto idle = shares.in_use() < kHalfFull ? kForgotten : kForgottenSoon;
  // A drop of a pair that had none for minutes, while it is being deleted, may count for another pair.
  std::erase_if(known_, [&](const auto& entry) {
    const auto& [bytes, known] = entry;
    if (now - known.changed < idle) return false;
    dropped_packets last{};
    if (bpf_map_lookup_and_delete_elem(map, bytes.data(), &last) != 0) return true;
    shares.give_back(last.share);
    if (last.packets > known.packets) take(pair_of(bytes), last.packets - known.packets, deltas);
    return true;
  });
}

std::unordered_map<std::string, DroppedPackets> FlowDrops::connections() const {
  std::unordered_map<std::string, DroppedPackets> all;
  with_map(context_, "dropped_flows", [&](int map) {
    read_entries<dropped_flow_key, dropped_flow>(map, [&](const auto& key, const dropped_flow& flow) {
      all[bytes_of(key)] = {.packets = flow.packets,
                            .last_ns = flow.last_ns,
                            .earlier = flow.earlier,
                            .rested_ns = flow.rested_ns,
                            .reason = reasons_.word(flow.reason)};
    });
  });
  return all;
}

}  // namespace sonde::exporter
