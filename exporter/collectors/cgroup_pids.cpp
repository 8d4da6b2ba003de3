#include <array>
#include <optional>
#include <vector>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/container_gauges.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;
using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service";
constexpr MetricRow kTasks{"sonde_container_tasks", MetricType::kGauge, "", kLabels,
                           "Processes and threads of the container, from the pids controller."};
constexpr MetricRow kLimit{"sonde_container_tasks_limit", MetricType::kGauge, "", kLabels,
                           "Processes and threads allowed by the container's own limit; absent without one."};
constexpr std::array kRows{kTasks, kLimit};

class CgroupPids final : public Collector {
 public:
  explicit CgroupPids(const Environment& environment) : files_(environment, "cgroup_pids") {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const auto containers = context.containers.containers();
    std::vector<Reading> readings;
    readings.reserve(containers.size());
    for (const Container& container : containers) {
      readings.push_back(container.shown ? read(container) : Reading());
    }
    files_.end_scrape();
    const ContainerGauges<Reading> gauges(containers, readings, writer);
    gauges.write(kTasks, &Reading::tasks);
    gauges.write(kLimit, &Reading::limit);
    return {};
  }

 private:
  struct Reading {
    std::optional<uint64_t> tasks, limit;
  };

  Reading read(const Container& container) {
    Reading reading;
    const auto hierarchy = CgroupFiles::hierarchy_of(container, Hierarchy::kPids);
    if (!hierarchy) return reading;
    reading.tasks = files_.read_number(container, *hierarchy, "pids.current");
    const auto limit = files_.read(container, *hierarchy, "pids.max");
    if (!limit || *limit == "max\n") return reading;
    reading.limit = identity::parse_integer<uint64_t>(*limit);
    if (!reading.limit) files_.count_malformed();
    return reading;
  }

  CgroupFiles files_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_pids_collector(const Environment& environment) {
  return std::make_unique<CgroupPids>(environment);
}

std::span<const MetricRow> cgroup_pids_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
