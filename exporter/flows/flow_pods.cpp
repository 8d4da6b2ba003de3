#include "exporter/flows/flow_pods.h"

#include <set>
#include <string_view>
#include <utility>

namespace sonde::exporter {
namespace {

/// A container that was started just now is known by then, and so is its network namespace.
constexpr auto kPatience = std::chrono::minutes(1);
/// What an interface counted last is read long before.
constexpr auto kRemembered = std::chrono::minutes(5);

}  // namespace

FlowPods::FlowPods() {
  host_.labels = metrics::Labels{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", ""}};
}

void FlowPods::update(const ContainerTable& containers, std::span<const FlowInterface> interfaces,
                      SteadyTime now) {
  for (auto& [life, pod] : pods_) {
    if (std::exchange(pod.alive, false)) pod.ended_at = now;
  }
  std::unordered_map<uint64_t, uint64_t> lives;  // by network namespace
  std::map<std::pair<std::string_view, std::string_view>, std::vector<std::string>> containers_of;  // by pod
  for (const Container& one : containers.containers()) {
    containers_of[{one.name.name_space, one.name.pod}].push_back(one.name.container);
  }
  for (const PodRows::Pod& row : pod_rows_.update(containers)) {
    FlowPod& pod = pods_[row.life];
    pod = {.life = row.life,
           .labels = row.container->pod_labels,
           .name = peer_name_of(*row.container),
           .containers = std::move(containers_of[{row.container->name.name_space, row.container->name.pod}]),
           .name_number = row.name,
           .alive = true};
    lives.emplace(row.container->network_namespace, row.life);
  }
  for (auto& [interface, known] : interfaces_) known.present = false;
  for (const FlowInterface& interface : interfaces) {
    const auto [found, is_new] = interfaces_.try_emplace({interface.space, interface.index});
    Known& known = found->second;
    if (is_new) known.known_since = now;
    known.present = true;
    known.seen_at = now;
    known.network_namespace = interface.network_namespace;
    known.of_node = interface.network_namespace == 0;
  }
  for (auto& [interface, known] : interfaces_) {
    const auto life = lives.find(known.network_namespace);
    // An interface that is gone keeps its pod: its network namespace's number may be another's by now.
    if (life != lives.end() && (known.life == 0 || known.present)) known.life = life->second;
  }
  forget(now);
}

void FlowPods::forget(SteadyTime now) {
  std::set<uint64_t> needed;
  for (auto known = interfaces_.begin(); known != interfaces_.end();) {
    if (now - known->second.seen_at >= kRemembered) {
      known = interfaces_.erase(known);
      continue;
    }
    needed.insert(known->second.life);
    ++known;
  }
  std::erase_if(pods_,
                [&](const auto& entry) { return !entry.second.alive && !needed.contains(entry.first); });
}

const FlowPod* FlowPods::pod_of(Interface interface, SteadyTime now) {
  const auto [found, is_new] = interfaces_.try_emplace(interface);
  Known& known = found->second;
  if (is_new) known.known_since = now;
  known.seen_at = now;
  if (known.of_node) return &host_;
  if (const FlowPod* pod = known.life == 0 ? nullptr : find(known.life)) return pod;
  return now - known.known_since < kPatience ? nullptr : &host_;
}

const FlowPod* FlowPods::find(uint64_t life) const {
  if (life == host_.life) return &host_;
  const auto found = pods_.find(life);
  return found == pods_.end() ? nullptr : &found->second;
}

}  // namespace sonde::exporter
