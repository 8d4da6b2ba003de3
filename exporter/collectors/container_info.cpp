#include <array>
#include <string>
#include <unordered_map>

#include "exporter/collectors/cgroup_collectors.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kInfo{
    "sonde_container_info", MetricType::kGauge, "",
    "namespace,pod,container,service,id,pod_uid,image,image_digest,runtime,node,cgroup",
    "1 for each container: what is known of it beside its name. At most one for each name, so that joins "
    "work."};
constexpr MetricRow kStarted{"sonde_container_start_time_seconds", MetricType::kGauge, "seconds",
                             "namespace,pod,container,service",
                             "When the container was started, as Unix time, as its runtime tells it."};
constexpr std::array kRows{kInfo, kStarted};

class ContainerInfo final : public Collector {
 public:
  explicit ContainerInfo(const Environment& environment) : node_(environment.node) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const auto containers = context.containers.containers();
    writer.family(kInfo);
    for (const Container& container : containers) {
      if (container.shown) writer.sample(container.labels, details_of(container), 1);
    }
    writer.family(kStarted);
    for (const Container& container : containers) {
      if (!container.shown || !container.record || container.record->started_at == 0) continue;
      writer.sample(container.labels, container.record->started_at);
    }
    return {};
  }

 private:
  [[nodiscard]] metrics::Labels details_of(const Container& container) const {
    static const identity::ContainerRecord kNone;
    const identity::ContainerRecord& record = container.record ? *container.record : kNone;
    return metrics::Labels{{"id", record.id},
                           {"pod_uid", record.pod_uid},
                           {"image", record.image},
                           {"image_digest", record.image_digest},
                           {"runtime", identity::runtime_word(record.runtime)},
                           {"node", node_},
                           {"cgroup", container.path}};
  }

  std::string node_;
};

}  // namespace

std::unique_ptr<Collector> make_container_info_collector(const Environment& environment) {
  return std::make_unique<ContainerInfo>(environment);
}

std::span<const MetricRow> container_info_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
