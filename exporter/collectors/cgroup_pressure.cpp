#include <array>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/ended_family.h"
#include "exporter/read_totals.h"
#include "exporter/v2_files.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;
using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service,resource";
constexpr MetricRow kWaiting{
    "sonde_container_pressure_waiting_seconds_total", MetricType::kCounter, "seconds", kLabels,
    "Time for which some task of the container waited for the resource: cpu, memory or io (PSI, cgroup v2)."};
constexpr MetricRow kStalled{
    "sonde_container_pressure_stalled_seconds_total", MetricType::kCounter, "seconds", kLabels,
    "Time for which all tasks of the container that were not idle waited for the resource (PSI, cgroup v2)."};
constexpr std::array kRows{kWaiting, kStalled};

constexpr double kMicrosecondsPerSecond = 1e6;

class CgroupPressure final : public Collector {
 public:
  explicit CgroupPressure(const Environment& environment)
      : files_(environment, "cgroup_pressure"),
        resources_{{{"cpu.pressure", "cpu", environment.retention},
                    {"memory.pressure", "memory", environment.retention},
                    {"io.pressure", "io", environment.retention}}} {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    for (Resource& resource : resources_) {
      resource.totals.begin();
      for (const Container& container : context.containers.containers()) read(container, resource);
    }
    files_.end_scrape();
    const SteadyTime now = SteadyClock::now();
    for (Resource& resource : resources_) resource.totals.finish(context.containers, now);
    write(writer, kWaiting, &Resource::waiting);
    write(writer, kStalled, &Resource::stalled);
    return {};
  }

 private:
  struct Resource {
    Resource(std::string_view file_name, std::string_view word, const RowRetention& retention)
        : file(file_name),
          totals(2, retention),
          waiting{{{0, metrics::Labels{{"resource", word}}}}},
          stalled{{{1, metrics::Labels{{"resource", word}}}}} {}

    std::string_view file;
    ReadTotals totals;
    std::array<ReadTotals::Part, 1> waiting;
    std::array<ReadTotals::Part, 1> stalled;
  };

  void read(const Container& container, Resource& resource) {
    const auto text = files_.read(container, Hierarchy::kUnified, resource.file);
    if (!text) return;
    const auto pressure = parse_pressure(*text);
    if (!pressure) return files_.count_malformed();
    resource.totals.set(container, std::array{pressure->some_us, pressure->full_us});
  }

  void write(metrics::SeriesWriter& writer, const MetricRow& family,
             std::array<ReadTotals::Part, 1> Resource::* parts) {
    writer.family(family);
    for (const Resource& resource : resources_) {
      resource.totals.write_rows(writer, resource.*parts, kMicrosecondsPerSecond);
    }
    bool any_ended = false;
    for (const Resource& resource : resources_) {
      if (!resource.totals.has_ended()) continue;
      if (!any_ended) writer.family(ended_family(family));
      any_ended = true;
      resource.totals.write_ended(writer, resource.*parts, kMicrosecondsPerSecond);
    }
  }

  CgroupFiles files_;
  std::array<Resource, 3> resources_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_pressure_collector(const Environment& environment) {
  return std::make_unique<CgroupPressure>(environment);
}

std::span<const MetricRow> cgroup_pressure_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
