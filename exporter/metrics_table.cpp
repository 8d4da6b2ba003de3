#include "exporter/metrics_table.h"

#include <fmt/format.h>

#include <iterator>
#include <span>

#include "common/metrics/build_info_metric.h"
#include "common/metrics/process_metrics.h"
#include "exporter/cadvisor_names.h"
#include "exporter/capability.h"
#include "exporter/collector_set.h"
#include "exporter/collector_table.h"
#include "exporter/container_totals.h"
#include "exporter/discovery.h"
#include "exporter/ended_family.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/tracing/trace_trigger.h"
#include "exporter/flows/tracing/tracer.h"
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

/// The names of --compat.cadvisor.
void append_cadvisor_names(std::string& page) {
  page +=
      "\n### `--compat.cadvisor` (off by default)\n\nThe same quantities of containers and pods under "
      "cAdvisor's names, "
      "with its labels: namespace, pod, container, id (the cgroup), image, name (the container's id); "
      "network "
      "quantities are summed over the pod's interfaces, those of block devices over all devices "
      "(`device=\"dm-all\"`, which the Kubernetes mixin takes for a disk). `container_memory_swap` and what "
      "cAdvisor tells of file systems' sizes are not there. `container_spec_cpu_quota` is the limit in cores "
      "for the usual period of 100 ms. Scrape them with `job_name: kubelet` and the label "
      "`metrics_path=/metrics/cadvisor`, as rules that were made for kubelet expect.\n\n"
      "| metric | type | from |\n|---|---|---|\n";
  for (const CadvisorName& name : cadvisor_names()) {
    const auto braces = [](std::string_view label) {
      return label.empty() ? std::string() : fmt::format("{{{}}}", label);
    };
    fmt::format_to(std::back_inserter(page), "| `{}{}` | {} | `{}{}` |\n", name.name, braces(name.label),
                   name.type, name.source, braces(name.only));
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
  append_cadvisor_names(page);
  append_heading(page, "Traces of connections", "Of `POST /trace` and the triggers (docs/tracing.md)");
  append_rows(page, Tracer::metrics());
  append_rows(page, TraceTrigger::metrics());
  append_heading(page, "The exporter itself", "In every scrape, whatever the collectors");
  append_rows(page, CollectorSet::metrics());
  append_rows(page, {&kCapabilityRow, 1});
  append_rows(page, {&kReadFailuresRow, 1});
  append_rows(page, {&kEndedUnlistedRow, 1});
  append_rows(page, Discovery::metrics());
  append_rows(page, FlowInterfaces::metrics());
  append_rows(page, {&metrics::kBuildInfo, 1});
  append_rows(page, metrics::process_metric_rows());
  return page;
}

}  // namespace sonde::exporter
