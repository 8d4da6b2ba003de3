#include "analyzer/pipeline/metric_mapper.h"

#include <utility>

#include "analyzer/series/identity_labels.h"
#include "common/workload_name.h"

namespace sonde::analyzer {
namespace {

QuantityTraits traits_of(const MetricEntry& entry) {
  QuantityTraits traits;
  traits.floor = entry.floor;
  traits.role = entry.role == MetricEntry::Role::kCause ? Role::kCause : Role::kSymptom;
  traits.cause_when_falling = entry.cause_when_falling;
  traits.load = entry.load;
  traits.unit = entry.unit;
  return traits;
}

Entity entity_of(const MetricEntry& entry, const LabelSet& labels) {
  const auto value = [&](const char* identity) {
    const auto mapped = entry.labels.find(identity);
    const bool empty = mapped == entry.labels.end() || mapped->second.empty();
    return empty ? std::string() : std::string(labels.get(mapped->second));
  };
  Entity entity{value("namespace"), value("pod"), value("container"), value("service")};
  if (entity.service.empty() && entry.workload == MetricEntry::Workload::kPodName) {
    entity.service = workload_of_pod(entity.pod);
  }
  return entity;
}

}  // namespace

Result<MetricMapper> MetricMapper::compile(const MetricMap& map) {
  MetricMapper mapper;
  for (const auto& [name, entry] : map) {
    const std::string context = "metric_map." + name + ".select=" + entry.select;
    Result<Selector> selector = parse_selector(entry.select);
    if (!selector) return fail(context, selector.error());
    Result<SelectorMatch> match = SelectorMatch::compile(*selector);
    if (!match) return fail(context, match.error());
    mapper.by_metric_[match->metric_name()].push_back(mapper.quantities_.size());
    mapper.selectors_.push_back(*selector);
    mapper.traits_.emplace(name, traits_of(entry));
    mapper.quantities_.push_back({name, entry, std::move(*match)});
  }
  return mapper;
}

std::vector<MetricMapper::Target> MetricMapper::targets(const LabelSet& labels) const {
  std::vector<Target> found;
  const LabelSet identified = normalise_identity(labels);
  const auto look_in = [&](const std::string& metric) {
    const auto candidates = by_metric_.find(metric);
    if (candidates == by_metric_.end()) return;
    for (const size_t quantity : candidates->second) {
      // The server matched the labels as they are stored, so that is what the selector is compared with.
      if (!quantities_[quantity].match.matches(labels)) continue;
      Entity entity = entity_of(quantities_[quantity].entry, identified);
      const bool nobody = entity == Entity{};
      if (!nobody) found.push_back({quantity, std::move(entity)});  // the host's own row is no container
    }
  };
  look_in(std::string(labels.get("__name__")));
  look_in("");
  return found;
}

}  // namespace sonde::analyzer
