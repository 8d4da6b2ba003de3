#include "exporter/container_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sonde::exporter {
namespace {

constexpr std::string_view kOther = "~other";

}  // namespace

bool too_long(const identity::ContainerName& name, const ListingBounds& bounds) {
  return std::ranges::any_of(std::array{&name.name_space, &name.pod, &name.container, &name.service},
                             [&](const std::string* label) { return label->size() > bounds.longest_label; });
}

void set_labels(Container& container) {
  const identity::ContainerName& name = container.name;
  if (!container.listed) {
    container.labels =
        metrics::Labels{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", kOther}};
    container.pod_labels = container.labels;
    container.service_labels = metrics::Labels{{"namespace", ""}, {"service", kOther}};
    return;
  }
  container.labels = metrics::Labels{{"namespace", name.name_space},
                                     {"pod", name.pod},
                                     {"container", name.container},
                                     {"service", name.service}};
  container.pod_labels = metrics::Labels{
      {"namespace", name.name_space}, {"pod", name.pod}, {"container", ""}, {"service", name.service}};
  container.service_labels = metrics::Labels{{"namespace", name.name_space}, {"service", name.service}};
}

size_t list_containers(std::span<Container* const> containers, const ListingBounds& bounds) {
  size_t listed = 0;
  std::unordered_map<std::string, Container*> by_labels;
  const auto show = [&](Container& container) {
    Container*& shown = by_labels[std::string(container.labels.text())];
    container.shown = shown == nullptr || shown->life < container.life;
    if (!container.shown) return;
    if (shown != nullptr) shown->shown = false;
    shown = &container;
  };
  for (Container* container : containers) {
    if (!container->listed) continue;
    ++listed;
    show(*container);
  }
  size_t unlisted = 0;
  for (Container* container : containers) {
    if (container->listed) continue;
    container->listed = listed < bounds.most_containers && !too_long(container->name, bounds);
    set_labels(*container);
    container->shown = container->listed;
    if (!container->listed) {
      ++unlisted;
      continue;
    }
    ++listed;
    // Names that the rule made may differ only in bytes that are not UTF-8. A runtime's are unique, but for
    // the last moments of a predecessor.
    while (!container->record && !container->name.container.empty() &&
           by_labels.contains(std::string(container->labels.text()))) {
      identity::ContainerName& name = container->name;
      const bool as_pod = name.container == name.pod;
      name.container += fmt::format("~{}", *std::ranges::max_element(container->cgroup_ids));
      if (as_pod) name.pod = name.container;
      set_labels(*container);
    }
    show(*container);
  }
  return unlisted;
}

}  // namespace sonde::exporter
