#include "exporter/metrics_table.h"

#include <fmt/format.h>

#include <iterator>
#include <span>

#include "common/metrics/build_info_metric.h"
#include "common/metrics/process_metrics.h"
#include "exporter/capability.h"
#include "exporter/collector_set.h"
#include "exporter/collector_table.h"
#include "exporter/discovery.h"
#include "exporter/ended_family.h"
#include "exporter/read_failures.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

std::string_view type_word(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "";
}

/// Text for a table's cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void append_heading(std::string& page, std::string_view name, std::string_view help) {
  fmt::format_to(std::back_inserter(page), "\n### {}\n\n{}.\n\n", name, help);
  page += "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
}

void append_row(std::string& page, const MetricRow& row) {
  fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} | {} |\n", row.name, type_word(row.type),
                 row.unit, cell(row.labels), cell(row.help));
}

void append_rows(std::string& page, std::span<const MetricRow> rows) {
  for (const MetricRow& row : rows) append_row(page, row);
}

/// What remains of containers that ended.
void append_ended_rows(std::string& page) {
  append_heading(
      page, "Ended containers",
      "Beside each counter of containers and pods one of the service's ended ones: it stays, so that "
      "containers which live shorter than a scrape interval can be queried");
  for (const CollectorEntry& entry : collector_table()) {
    for (const MetricRow& row : entry.metrics()) {
      if (has_ended_family(row)) append_row(page, ended_family(row));
    }
  }
}

}  // namespace

std::string metrics_table() {
  std::string page = "## sonde-exporter\n";
  for (const CollectorEntry& entry : collector_table()) {
    std::string help(entry.help);
    help.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(help.front())));
    append_heading(
        page, fmt::format("`--collector.{}` ({} by default)", entry.name, entry.on_by_default ? "on" : "off"),
        help);
    append_rows(page, entry.metrics());
  }
  append_ended_rows(page);
  append_heading(page, "The exporter itself", "In every scrape, whatever the collectors");
  append_rows(page, CollectorSet::metrics());
  append_rows(page, {&kCapabilityRow, 1});
  append_rows(page, {&kReadFailuresRow, 1});
  append_rows(page, Discovery::metrics());
  append_rows(page, {&metrics::kBuildInfo, 1});
  append_rows(page, metrics::process_metric_rows());
  return page;
}

}  // namespace sonde::exporter
