#include "inject/metrics_table.h"

#include <fmt/format.h>

#include <iterator>
#include <span>

#include "common/metrics/build_info_metric.h"
#include "common/metrics/process_metrics.h"
#include "inject/campaign/campaign_metrics.h"
#include "inject/fault_publication.h"
#include "inject/faults/fault_table.h"
#include "inject/workload/workload.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

void append_heading(std::string& page, std::string_view name, std::string_view help) {
  fmt::format_to(std::back_inserter(page), "\n### {}\n\n{}.\n\n", name, help);
  page += "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
}

std::string_view type_word(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kGauge:
      break;
  }
  return "gauge";
}

void append_rows(std::string& page, std::span<const MetricRow> rows) {
  for (const MetricRow& row : rows) {
    fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} | {} |\n", row.name, type_word(row.type),
                   row.unit, row.labels, row.help);
  }
}

}  // namespace

std::string metrics_table() {
  std::string page = "## sonde-inject\n";
  append_heading(page, "Every fault",
                 "The container's labels, and `fault`; nothing that scores reads these series, they label "
                 "what the classifiers learn from");
  append_rows(page, fault_metric_rows());
  for (const FaultRow& row : fault_table()) {
    append_heading(page, fmt::format("Fault `{}`", row.name), row.help);
    append_rows(page, row.metric_rows());
  }
  append_heading(page, "Campaign", "Of `sonde-inject campaign`, beside those of its faults");
  append_rows(page, campaign_metric_rows());
  append_heading(page, "Workload", "Of `sonde-inject workload` and of campaigns that have one");
  append_rows(page, workload_metric_rows());
  append_rows(page, request_metric_rows());
  append_heading(page, "The injector itself", "In every scrape");
  append_rows(page, {&metrics::kBuildInfo, 1});
  append_rows(page, metrics::process_metric_rows());
  return page;
}

}  // namespace sonde::inject
