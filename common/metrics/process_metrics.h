#pragma once

#include <span>
#include <string>

#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"

namespace sonde::metrics {

/// Writes the process_* metrics of this process, by the names and units that every Prometheus client library
/// uses, from `proc`/self and `proc`/stat. A file that cannot be read leaves out its metrics.
void write_process_metrics(SeriesWriter& writer, const std::string& proc = "/proc");

/// The rows of the above, for the documentation.
std::span<const MetricRow> process_metric_rows();

}  // namespace sonde::metrics
