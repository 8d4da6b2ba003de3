#pragma once

#include <memory>
#include <span>

#include "common/metrics/metric_row.h"
#include "exporter/collector.h"
#include "exporter/flows/mapping/flow_mapping.h"

namespace sonde::exporter {

/// Exports the mapping; `mapping` outlives it. Null: the capability table and the log say why.
std::unique_ptr<Collector> make_flow_mapping_collector(FlowMapping* mapping);
std::span<const metrics::MetricRow> flow_mapping_metrics();

}  // namespace sonde::exporter
