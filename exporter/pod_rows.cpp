#include "exporter/pod_rows.h"

#include <algorithm>
#include <utility>

namespace sonde::exporter {

std::vector<PodRows::Pod> PodRows::update(const ContainerTable& containers) {
  std::vector<Pod> pods;
  for (auto& [key, known] : known_) known.seen = false;
  for (const Container& container : containers.containers()) {
    if (container.network_namespace == 0) continue;
    std::string key = std::to_string(container.network_namespace);
    key += container.pod_labels.text();
    std::string earlier_key = take_over_name(container, key);
    Known& known = known_[key];
    if (known.life == 0) known.life = ++last_life_;
    known.network_namespace = container.network_namespace;
    known.container_life = container.life;
    known.seen = true;
    const uint32_t name = container.listed ? known.name : 0;
    pods.push_back({&container, known.life, name, std::move(key), std::move(earlier_key)});
  }
  std::erase_if(known_, [](const auto& entry) { return !entry.second.seen; });
  return pods;
}

/// Where a container has another name than before, what was known under that one is so under the new one.
/// Returns the key of then.
std::string PodRows::take_over_name(const Container& container, const std::string& key) {
  if (container.name_number == 1 || known_.contains(key)) return "";
  const auto earlier = std::ranges::find_if(known_, [&](const auto& entry) {
    const Known& known = entry.second;
    return !known.seen && known.container_life == container.life &&
           known.network_namespace == container.network_namespace;
  });
  if (earlier == known_.end()) return "";
  auto node = known_.extract(earlier);
  ++node.mapped().name;
  std::string earlier_key = std::exchange(node.key(), key);
  known_.insert(std::move(node));
  return earlier_key;
}

std::vector<CountOwner> PodRows::owners_of(const std::vector<Pod>& pods) {
  std::vector<CountOwner> owners;
  owners.reserve(pods.size());
  for (const Pod& pod : pods) {
    owners.push_back({pod.life, &pod.container->pod_labels, &pod.container->service_labels, true, pod.name,
                      !pod.container->listed});
  }
  return owners;
}

}  // namespace sonde::exporter
