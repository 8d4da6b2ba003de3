#include "exporter/flows/flow_drops.h"

#include <bpf/bpf.h>

#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "exporter/bpf_program.h"
#include "exporter/flows/map_batches.h"

namespace sonde::exporter {
namespace {

constexpr std::chrono::seconds kForgotten{300};
/// Where the map is nearly full: spoofed senders fill it.
constexpr std::chrono::seconds kForgottenSoon{30};
constexpr size_t kNearlyFull = SONDE_DROPPED_PAIRS / 4 * 3;

/// Calls `work` with a map of the loaded programs, which stay meanwhile.
void with_map(const BpfContext& context, const char* name, const std::function<void(int map)>& work) {
  context.for_each_object([&](const BpfObject& object) {
    if (object.topic() == "packet_drops") work(object.map_descriptor(name));
  });
}

dropped_pair pair_of(const std::string& bytes) {
  dropped_pair pair;
  std::memcpy(&pair, bytes.data(), sizeof pair);
  return pair;
}

}  // namespace

FlowDrops::FlowDrops(const BpfContext& context)
    : context_(context), reasons_(DropReasons::of_this_kernel()) {}

void FlowDrops::update(std::span<const FlowInterface> interfaces,
                       std::span<const ContainerAddresses> addresses) {
  std::map<uint64_t, flow_interface_key> of_pods;  // by network namespace
  for (const FlowInterface& interface : interfaces) {
    if (interface.network_namespace == 0) continue;
    of_pods.try_emplace(interface.network_namespace,
                        flow_interface_key{.space = interface.space, .interface = interface.index});
  }
  interfaces_.clear();
  std::set<std::string> of_two;
  for (const ContainerAddresses& of_container : addresses) {
    const auto pod = of_pods.find(of_container.network_namespace);
    if (pod == of_pods.end()) continue;
    for (const flow_address& address : of_container.addresses) {
      const auto [known, is_new] = interfaces_.emplace(address, pod->second);
      const bool same =
          known->second.space == pod->second.space && known->second.interface == pod->second.interface;
      if (!is_new && !same) of_two.insert({reinterpret_cast<const char*>(&address), sizeof address});
    }
  }
  std::erase_if(interfaces_, [&of_two](const auto& entry) {
    return of_two.contains({reinterpret_cast<const char*>(&entry.first), sizeof(flow_address)});
  });
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
  with_map(context_, "dropped_pairs", [&](int map) {
    (void)read_hash(map, sizeof(dropped_pair), sizeof(uint64_t), [&](const MapBatch& batch) {
      for (size_t i = 0; i < batch.count; ++i) {
        const std::string bytes(reinterpret_cast<const char*>(batch.keys.data()) + i * sizeof(dropped_pair),
                                sizeof(dropped_pair));
        uint64_t packets = 0;
        std::memcpy(&packets, batch.values.data() + i * sizeof packets, sizeof packets);
        Known& known = known_[bytes];
        if (packets <= known.packets) continue;
        take(pair_of(bytes), packets - known.packets, deltas);
        known.packets = packets;
        known.changed = now;
      }
    });
    const auto idle = known_.size() < kNearlyFull ? kForgotten : kForgottenSoon;
    // A drop of a pair that had none for minutes, while it is being deleted, may count for another pair.
    std::erase_if(known_, [&](const auto& entry) {
      const auto& [bytes, known] = entry;
      if (now - known.changed < idle) return false;
      uint64_t packets = 0;
      if (bpf_map_lookup_and_delete_elem(map, bytes.data(), &packets) == 0 && packets > known.packets) {
        take(pair_of(bytes), packets - known.packets, deltas);
      }
      return true;
    });
  });
  return deltas;
}

std::unordered_map<std::string, DroppedPackets> FlowDrops::connections() const {
  std::unordered_map<std::string, DroppedPackets> all;
  with_map(context_, "dropped_flows", [&](int map) {
    (void)read_hash(map, sizeof(dropped_flow_key), sizeof(dropped_flow), [&](const MapBatch& batch) {
      for (size_t i = 0; i < batch.count; ++i) {
        dropped_flow flow;
        std::memcpy(&flow, batch.values.data() + i * sizeof flow, sizeof flow);
        all[{reinterpret_cast<const char*>(batch.keys.data()) + i * sizeof(dropped_flow_key),
             sizeof(dropped_flow_key)}] = {flow.packets, reasons_.word(flow.reason)};
      }
    });
  });
  return all;
}

}  // namespace sonde::exporter
