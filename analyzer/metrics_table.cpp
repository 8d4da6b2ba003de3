#include "analyzer/metrics_table.h"

#include <fmt/format.h>

#include <iterator>
#include <span>

#include "analyzer/http_api/metrics.h"
#include "common/metrics/build_info_metric.h"
#include "common/metrics/process_metrics.h"

namespace sonde::analyzer {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

void append_rows(std::string& page, std::span<const MetricRow> rows) {
  for (const MetricRow& row : rows) {
    fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} | {} |\n", row.name,
                   row.type == MetricType::kCounter ? "counter" : "gauge", row.unit, row.labels, row.help);
  }
}

}  // namespace

std::string metrics_table() {
  std::string page =
      "## sonde-analyzer\n\n"
      "What is said of containers and services is there while the data behind it is younger than "
      "`max_age`.\n\n"
      "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
  append_rows(page, analyzer_metric_rows());
  append_rows(page, {&metrics::kBuildInfo, 1});
  append_rows(page, metrics::process_metric_rows());
  return page;
}

}  // namespace sonde::analyzer
