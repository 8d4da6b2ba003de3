#include "exporter/pod_rows.h"

namespace sonde::exporter {

std::vector<PodRows::Pod> PodRows::update(const ContainerTable& containers) {
  std::vector<Pod> pods;
  for (auto& [key, known] : known_) known.seen = false;
  for (const Container& container : containers.containers()) {
    if (container.network_namespace == 0) continue;
    std::string key = std::to_string(container.network_namespace);
    key += container.pod_labels.text();
    Known& known = known_[std::move(key)];
    if (known.life == 0) known.life = ++last_life_;
    known.seen = true;
    pods.push_back({&container, known.life});
  }
  std::erase_if(known_, [](const auto& entry) { return !entry.second.seen; });
  return pods;
}

std::vector<CountOwner> PodRows::owners_of(const std::vector<Pod>& pods) {
  std::vector<CountOwner> owners;
  owners.reserve(pods.size());
  for (const Pod& pod : pods) {
    owners.push_back({pod.life, &pod.container->pod_labels, &pod.container->service_labels, true});
  }
  return owners;
}

}  // namespace sonde::exporter
