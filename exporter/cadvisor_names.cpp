#include "exporter/cadvisor_names.h"

#include <array>
#include <charconv>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sonde::exporter {
namespace {

constexpr double kPeriodMicroseconds = 100'000;
constexpr double kSharesOfOneCore = 1024;

constexpr std::string_view kFaults = "sonde_container_memory_page_faults_total";
constexpr std::string_view kMajor = "kind=\"major\"";
constexpr std::string_view kAnyInterface = "interface=\"all\"";
/// All devices together, by a name that the Kubernetes mixin takes for a disk's (its diskDeviceSelector).
constexpr std::string_view kAnyDevice = "device=\"dm-all\"";
constexpr std::string_view kWaiting = "sonde_container_pressure_waiting_seconds_total";
constexpr std::string_view kStalled = "sonde_container_pressure_stalled_seconds_total";

constexpr std::array<CadvisorName, 36> kNames{{
    {"container_cpu_usage_seconds_total", "counter", "sonde_container_cpu_usage_seconds_total", "",
     "cpu=\"total\""},
    {"container_cpu_cfs_periods_total", "counter", "sonde_container_cpu_quota_periods_total"},
    {"container_cpu_cfs_throttled_periods_total", "counter", "sonde_container_cpu_throttled_periods_total"},
    {"container_cpu_cfs_throttled_seconds_total", "counter", "sonde_container_cpu_throttled_seconds_total"},
    {"container_spec_cpu_quota", "gauge", "sonde_container_cpu_limit_cores", "", "", kPeriodMicroseconds},
    {"container_spec_cpu_period", "gauge", "sonde_container_cpu_limit_cores", "", "", 1, kPeriodMicroseconds},
    {"container_spec_cpu_shares", "gauge", "sonde_container_cpu_request_cores", "", "", kSharesOfOneCore},
    {"container_memory_usage_bytes", "gauge", "sonde_container_memory_usage_bytes"},
    {"container_memory_working_set_bytes", "gauge", "sonde_container_memory_working_set_bytes"},
    {"container_memory_rss", "gauge", "sonde_container_memory_rss_bytes"},
    {"container_memory_cache", "gauge", "sonde_container_memory_cache_bytes"},
    {"container_memory_mapped_file", "gauge", "sonde_container_memory_kind_bytes", "kind=\"mapped_file\""},
    {"container_spec_memory_limit_bytes", "gauge", "sonde_container_memory_limit_bytes"},
    {"container_memory_failures_total", "counter", kFaults, "",
     "failure_type=\"pgfault\",scope=\"container\""},
    {"container_memory_failures_total", "counter", kFaults, kMajor,
     "failure_type=\"pgmajfault\",scope=\"container\""},
    {"container_oom_events_total", "counter", "sonde_container_oom_kills_total"},
    {"container_threads", "gauge", "sonde_container_tasks"},
    {"container_start_time_seconds", "gauge", "sonde_container_start_time_seconds"},
    {"container_fs_reads_bytes_total", "counter", "sonde_container_block_bytes_total", "operation=\"read\"",
     kAnyDevice},
    {"container_fs_writes_bytes_total", "counter", "sonde_container_block_bytes_total", "operation=\"write\"",
     kAnyDevice},
    {"container_fs_reads_total", "counter", "sonde_container_block_requests_total", "operation=\"read\"",
     kAnyDevice},
    {"container_fs_writes_total", "counter", "sonde_container_block_requests_total", "operation=\"write\"",
     kAnyDevice},
    {"container_network_receive_bytes_total", "counter", "sonde_pod_network_receive_bytes_total", "",
     kAnyInterface},
    {"container_network_receive_packets_total", "counter", "sonde_pod_network_receive_packets_total", "",
     kAnyInterface},
    {"container_network_receive_errors_total", "counter", "sonde_pod_network_receive_errors_total", "",
     kAnyInterface},
    {"container_network_receive_packets_dropped_total", "counter", "sonde_pod_network_receive_drops_total",
     "", kAnyInterface},
    {"container_network_transmit_bytes_total", "counter", "sonde_pod_network_transmit_bytes_total", "",
     kAnyInterface},
    {"container_network_transmit_packets_total", "counter", "sonde_pod_network_transmit_packets_total", "",
     kAnyInterface},
    {"container_network_transmit_errors_total", "counter", "sonde_pod_network_transmit_errors_total", "",
     kAnyInterface},
    {"container_network_transmit_packets_dropped_total", "counter", "sonde_pod_network_transmit_drops_total",
     "", kAnyInterface},
    {"container_pressure_cpu_waiting_seconds_total", "counter", kWaiting, "resource=\"cpu\""},
    {"container_pressure_cpu_stalled_seconds_total", "counter", kStalled, "resource=\"cpu\""},
    {"container_pressure_memory_waiting_seconds_total", "counter", kWaiting, "resource=\"memory\""},
    {"container_pressure_memory_stalled_seconds_total", "counter", kStalled, "resource=\"memory\""},
    {"container_pressure_io_waiting_seconds_total", "counter", kWaiting, "resource=\"io\""},
    {"container_pressure_io_stalled_seconds_total", "counter", kStalled, "resource=\"io\""},
}};

/// One sample line of a page.
struct Line {
  std::string_view labels;  ///< between the braces
  double value = 0;
};

/// The samples of the families that are needed, by family.
using Families = std::unordered_map<std::string_view, std::vector<Line>>;

Families read_page(std::string_view page) {
  Families families;
  for (const CadvisorName& name : kNames) families.try_emplace(name.source);
  while (!page.empty()) {
    const size_t end = page.find('\n');
    const std::string_view line = page.substr(0, end);
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    const size_t brace = line.find('{');
    if (line.starts_with('#') || brace == std::string_view::npos) continue;
    const auto family = families.find(line.substr(0, brace));
    const size_t close = line.rfind("} ");  // no value holds one, and labels end here
    if (family == families.end() || close == std::string_view::npos) continue;
    Line sample{line.substr(brace + 1, close - brace - 1), 0};
    std::from_chars(line.data() + close + 2, line.data() + line.size(), sample.value);
    family->second.push_back(sample);
  }
  return families;
}

/// What stands before the label `service` and those after it: the names of the container.
std::string_view names_of(std::string_view labels) {
  return labels.substr(0, labels.find(",service=\""));
}

/// The labels of cAdvisor for a container, by the text of its names.
std::unordered_map<std::string_view, metrics::Labels> labels_by_names(const ContainerTable& containers) {
  std::unordered_map<std::string_view, metrics::Labels> all;
  for (const Container& container : containers.containers()) {
    const identity::ContainerName& name = container.name;
    if (!container.listed || (name.pod.empty() && name.container.empty())) continue;
    metrics::Labels pod{{"namespace", name.name_space}, {"pod", name.pod}};
    all.try_emplace(names_of(container.pod_labels.text()), pod);
    if (!container.shown || name.container.empty()) continue;
    metrics::Labels labels{{"namespace", name.name_space}, {"pod", name.pod}, {"container", name.container}};
    labels.add("id", container.path);
    labels.add("image", container.record ? container.record->image : "");
    labels.add("name", container.record ? container.record->id : "");
    all[names_of(container.labels.text())] = std::move(labels);
  }
  return all;
}

}  // namespace

std::span<const CadvisorName> cadvisor_names() {
  return kNames;
}

void write_cadvisor_names(std::string_view page, const ContainerTable& containers,
                          metrics::SeriesWriter& writer) {
  const Families families = read_page(page);
  const auto labels_of = labels_by_names(containers);
  std::string_view begun;
  for (const CadvisorName& name : kNames) {
    std::vector<std::pair<const metrics::Labels*, double>> rows;
    std::unordered_map<const metrics::Labels*, size_t> places;
    for (const Line& line : families.at(name.source)) {
      if (line.labels.find(name.only) == std::string_view::npos) continue;
      const auto labels = labels_of.find(names_of(line.labels));
      if (labels == labels_of.end()) continue;
      const auto [place, is_new] = places.try_emplace(&labels->second, rows.size());
      if (is_new) rows.emplace_back(&labels->second, 0);
      double& value = rows[place->second].second;
      value = name.constant != 0 ? name.constant : value + line.value * name.factor;
    }
    if (rows.empty()) continue;
    if (std::exchange(begun, name.name) != name.name) {
      writer.family(name.name, name.type, "As cAdvisor's metric of this name.");
    }
    for (const auto& [labels, value] : rows)
      writer.sample(*labels, metrics::Labels::written(name.label), value);
  }
}

}  // namespace sonde::exporter
