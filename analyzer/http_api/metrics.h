#pragma once

#include <cstdint>
#include <span>

#include "analyzer/report/health.h"
#include "analyzer/report/report.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"

namespace sonde::analyzer {

/// Every metric of the analyzer, for docs/metrics.md.
std::span<const metrics::MetricRow> analyzer_metric_rows();

/// Writes /metrics. `fresh` is null where the last report is too old (or there is none yet): then nothing
/// about containers or services is written. `last` only gives its age.
void write_metrics(const ReportPointer& fresh, const ReportPointer& last, const Health& health,
                   int64_t now_ms, metrics::SeriesWriter& writer);

}  // namespace sonde::analyzer
