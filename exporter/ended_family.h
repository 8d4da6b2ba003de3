#pragma once

#include "common/metrics/metric_row.h"

namespace sonde::exporter {

/// Whether a family has one of ended containers beside it: the counters sonde_container_… and sonde_pod_…,
/// which have a row for each container or pod.
bool has_ended_family(const metrics::MetricRow& family);

/// The family of the sums over each service's ended containers: sonde_exited_syscalls_total for
/// sonde_container_syscalls_total, with labels namespace, service and what the rows differ by. Threads: safe.
const metrics::MetricRow& ended_family(const metrics::MetricRow& family);

}  // namespace sonde::exporter
