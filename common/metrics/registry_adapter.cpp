#include "common/metrics/registry_adapter.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace sonde::metrics {
namespace {

using prometheus::ClientMetric;

std::string_view type_word(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Gauge:
      return "gauge";
    case prometheus::MetricType::Summary:
      return "summary";
    case prometheus::MetricType::Histogram:
      return "histogram";
    case prometheus::MetricType::Untyped:
      return "untyped";
  }
  return "untyped";
}

void write_histogram(const Labels& labels, const ClientMetric::Histogram& histogram, SeriesWriter& writer) {
  std::vector<double> bounds;
  std::vector<uint64_t> counts;  // of each bucket alone; the registry's are cumulative
  uint64_t below = 0;
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    if (std::isinf(bucket.upper_bound)) break;
    bounds.push_back(bucket.upper_bound);
    const uint64_t cumulative = std::max(bucket.cumulative_count, below);
    counts.push_back(cumulative - below);
    below = cumulative;
  }
  counts.push_back(std::max(histogram.sample_count, below) - below);
  writer.histogram(labels, bounds, counts, histogram.sample_sum);
}

void write_summary(const Labels& labels, const ClientMetric::Summary& summary, SeriesWriter& writer) {
  std::vector<std::pair<double, double>> quantiles;
  quantiles.reserve(summary.quantile.size());
  for (const auto& quantile : summary.quantile) quantiles.emplace_back(quantile.quantile, quantile.value);
  writer.summary(labels, quantiles, summary.sample_count, summary.sample_sum);
}

void write_metric(prometheus::MetricType type, const ClientMetric& metric, SeriesWriter& writer) {
  Labels labels;
  for (const ClientMetric::Label& label : metric.label) labels.add(label.name, label.value);
  switch (type) {
    case prometheus::MetricType::Counter:
      return writer.sample(labels, metric.counter.value);
    case prometheus::MetricType::Gauge:
      return writer.sample(labels, metric.gauge.value);
    case prometheus::MetricType::Untyped:
      return writer.sample(labels, metric.untyped.value);
    case prometheus::MetricType::Histogram:
      return write_histogram(labels, metric.histogram, writer);
    case prometheus::MetricType::Summary:
      return write_summary(labels, metric.summary, writer);
  }
}

}  // namespace

void write_collectable(const prometheus::Collectable& source, SeriesWriter& writer) {
  write_families(source.Collect(), writer);
}

void write_families(std::span<const prometheus::MetricFamily> families, SeriesWriter& writer) {
  std::vector<const prometheus::MetricFamily*> sorted;
  for (const auto& family : families) {
    if (!family.metric.empty()) sorted.push_back(&family);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->name < b->name; });
  const prometheus::MetricFamily* current = nullptr;  // whose HELP and TYPE were written last
  for (const prometheus::MetricFamily* family : sorted) {
    if (current == nullptr || current->name != family->name) {
      current = family;
      writer.family(family->name, type_word(family->type), family->help);
    }
    if (family->type != current->type) continue;  // one name has one type
    for (const ClientMetric& metric : family->metric) write_metric(family->type, metric, writer);
  }
}

}  // namespace sonde::metrics
