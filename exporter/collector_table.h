#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "common/metrics/metric_row.h"
#include "exporter/collector.h"
#include "exporter/environment.h"

namespace sonde::exporter {

/// One collector of the program.
struct CollectorEntry {
  std::string_view name;  ///< of --collector.NAME, collect[]=NAME and the label `collector`
  std::string_view help;  ///< for --help
  bool on_by_default;
  std::unique_ptr<Collector> (*make)(const Environment& environment);
  std::span<const metrics::MetricRow> (*metrics)();
};

/// Every collector there is, in the order of the exposition. A new one is a row here.
std::span<const CollectorEntry> collector_table();

}  // namespace sonde::exporter
