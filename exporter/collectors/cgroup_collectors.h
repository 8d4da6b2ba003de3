#pragma once

#include <memory>
#include <span>

#include "common/metrics/metric_row.h"
#include "exporter/collector.h"
#include "exporter/environment.h"

/// The collectors that read the files of cgroups and of /proc; each has a file of its own.
namespace sonde::exporter {

std::unique_ptr<Collector> make_cgroup_cpu_collector(const Environment& environment);
std::unique_ptr<Collector> make_cgroup_memory_collector(const Environment& environment);
/// Rows of pods (Container::pod_labels), one for each network namespace but the host's.
std::unique_ptr<Collector> make_cgroup_network_collector(const Environment& environment);
std::unique_ptr<Collector> make_oom_collector(const Environment& environment);
/// Pressure stall times; cgroup v2.
std::unique_ptr<Collector> make_cgroup_pressure_collector(const Environment& environment);
/// io.stat; cgroup v2.
std::unique_ptr<Collector> make_cgroup_io_collector(const Environment& environment);
std::unique_ptr<Collector> make_cgroup_pids_collector(const Environment& environment);
/// What is known of each container beside its name; reads nothing.
std::unique_ptr<Collector> make_container_info_collector(const Environment& environment);

/// The metrics that each writes, for the generated documentation.
std::span<const metrics::MetricRow> cgroup_cpu_metrics();
std::span<const metrics::MetricRow> cgroup_memory_metrics();
std::span<const metrics::MetricRow> cgroup_network_metrics();
std::span<const metrics::MetricRow> oom_metrics();
std::span<const metrics::MetricRow> cgroup_pressure_metrics();
std::span<const metrics::MetricRow> cgroup_io_metrics();
std::span<const metrics::MetricRow> cgroup_pids_metrics();
std::span<const metrics::MetricRow> container_info_metrics();

}  // namespace sonde::exporter
