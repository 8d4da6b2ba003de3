#pragma once

#include <string_view>

#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"

namespace sonde::metrics {

inline constexpr MetricRow kBuildInfo{"sonde_build_info", MetricType::kGauge, "",
                                      "program,version,revision,branch,compiler",
                                      "Always 1; the labels say what this program was built from."};

/// Writes sonde_build_info of `program`, for example "sonde-exporter".
void write_build_info(std::string_view program, SeriesWriter& writer);

/// What every program's /metrics has: sonde_build_info and process_*.
void write_program_metrics(std::string_view program, SeriesWriter& writer);

}  // namespace sonde::metrics
