// The half of SeriesWindow that lays series out as rows of frames.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "analyzer/pipeline/series_window.h"
#include "analyzer/series/identity_labels.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kNoRow = std::numeric_limits<size_t>::max();

/// A pod's own row (its network) moves into its container where there is exactly one.
class PodOwners {
 public:
  explicit PodOwners(const std::set<Entity>& entities) {
    for (const Entity& entity : entities) {
      if (!entity.container.empty()) containers_[{entity.name_space, entity.pod}].push_back(entity);
    }
  }

  [[nodiscard]] Entity owner(const Entity& entity) const {
    if (!entity.container.empty() || entity.pod.empty()) return entity;
    const auto found = containers_.find({entity.name_space, entity.pod});
    return found != containers_.end() && found->second.size() == 1 ? found->second.front() : entity;
  }

 private:
  std::map<std::pair<std::string, std::string>, std::vector<Entity>> containers_;
};

/// The selector that finds the series behind a row: the one series' own labels, or what several have in
/// common.
LabelSet row_labels(const LabelSet& one, const LabelSet& other) {
  if (one.pairs().empty() || one == other) return other;
  std::vector<LabelSet::Pair> common;
  std::ranges::set_intersection(one.pairs(), other.pairs(), std::back_inserter(common));
  return LabelSet(std::move(common));
}

/// The labels that say whose series it is and where it was scraped, in any form, and those that the metric
/// map names: they stay in a selector.
std::set<std::string, std::less<>> telling_labels(const MetricMapper& mapper) {
  std::set<std::string, std::less<>> names = {"__name__", "job", "instance"};
  for (const std::string_view identity : kIdentityLabels) {
    names.emplace(identity);
    names.insert("exported_" + std::string(identity));
  }
  for (const MetricMapper::Quantity& quantity : mapper.quantities()) {
    for (const auto& [identity, label] : quantity.entry.labels) names.insert(label);
  }
  for (const Selector& selector : mapper.selectors()) {
    for (const Matcher& matcher : selector) names.insert(matcher.name);
  }
  return names;
}

size_t row_of(const std::vector<Entity>& entities, const Entity& entity) {
  return static_cast<size_t>(std::ranges::lower_bound(entities, entity) - entities.begin());
}

LabelSet without(const LabelSet& labels, const LabelSet& left_out) {
  std::vector<LabelSet::Pair> pairs;
  std::ranges::set_difference(labels.pairs(), left_out.pairs(), std::back_inserter(pairs));
  return LabelSet(std::move(pairs));
}

Entity service_of(const Entity& entity) {
  return {entity.name_space, "", "", entity.service};
}

}  // namespace

void SeriesWindow::rebuild_rows() {
  std::set<Entity> alive;
  for (const Series& series : series_) {
    if (series.alive.back() != 0) alive.insert(series.target.entity);
  }
  const PodOwners owners(alive);
  std::set<Entity> rows;
  std::set<Entity> services;
  for (const Entity& entity : alive) {
    rows.insert(owners.owner(entity));
    services.insert(service_of(entity));
  }
  frames_.entities.assign(rows.begin(), rows.end());
  frames_.service_entities.assign(services.begin(), services.end());
  for (auto& [name, frame] : frames_.containers) frame = empty_frame(rows.size());
  for (auto& [name, frame] : frames_.services) {
    frame = empty_frame(services.size());
    for (size_t row = 0; row < frame.rows(); ++row) {
      const Entity& service = frames_.service_entities[row];
      frame.series[row] = LabelSet({{"namespace", service.name_space}, {"service", service.service}});
    }
  }
  for (size_t i = 0; i < series_.size(); ++i) {
    const Series& series = series_[i];
    const Entity owner = owners.owner(series.target.entity);
    rows_[i] = rows.contains(owner) ? row_of(frames_.entities, owner) : kNoRow;
    if (rows_[i] == kNoRow) continue;
    LabelSet& labels = frames_.containers[mapper_.quantities()[series.target.quantity].name].series[rows_[i]];
    labels = row_labels(labels, series.labels);
  }
  const LabelSet external = external_labels();
  for (auto& [name, frame] : frames_.containers) {
    for (LabelSet& labels : frame.series) labels = without(labels, external);
  }
}

/// What every series has alike and nothing is told by. Among them are the external labels, which remote read
/// adds to each series and which no query of that Prometheus itself matches.
LabelSet SeriesWindow::external_labels() const {
  if (series_.empty()) return {};
  std::vector<LabelSet::Pair> common = series_.front().labels.pairs();
  const std::set<std::string, std::less<>> telling = telling_labels(mapper_);
  std::erase_if(common, [&](const LabelSet::Pair& pair) { return telling.contains(pair.first); });
  for (const Series& series : series_) {
    std::erase_if(common,
                  [&](const LabelSet::Pair& pair) { return series.labels.get(pair.first) != pair.second; });
  }
  return LabelSet(std::move(common));
}

void SeriesWindow::rebuild_values() {
  for (auto& [name, frame] : frames_.containers) std::ranges::fill(frame.values, kGap);
  std::vector<Frame*> by_quantity;
  std::vector<std::vector<unsigned>> counts;
  for (const MetricMapper::Quantity& quantity : mapper_.quantities()) {
    Frame& frame = frames_.containers[quantity.name];
    by_quantity.push_back(&frame);
    const bool mean = quantity.entry.aggregate == MetricEntry::Aggregate::kMean;
    counts.emplace_back(mean ? frame.values.size() : 0, 0U);
  }
  constexpr double kBroken = std::numeric_limits<double>::infinity();  // a living series had no value
  for (size_t i = 0; i < series_.size(); ++i) {
    if (rows_[i] == kNoRow) continue;
    const Series& series = series_[i];
    const size_t quantity = series.target.quantity;
    const MetricEntry::Aggregate aggregate = mapper_.quantities()[quantity].entry.aggregate;
    const std::span<double> row = by_quantity[quantity]->row(rows_[i]);
    for (size_t c = 0; c < frame_columns_; ++c) {
      const double value = series.columns[c];
      if (is_gap(value)) {
        // A sum without one of its living parts would look like a drop: the whole cell is a gap.
        if (series.alive[c] != 0) row[c] = kBroken;
        continue;
      }
      if (is_gap(row[c])) {
        row[c] = value;
      } else if (aggregate == MetricEntry::Aggregate::kMax) {
        row[c] = std::max(row[c], value);
      } else {
        row[c] += value;
      }
      if (!counts[quantity].empty()) ++counts[quantity][rows_[i] * frame_columns_ + c];
    }
  }
  for (size_t q = 0; q < by_quantity.size(); ++q) {
    std::vector<double>& values = by_quantity[q]->values;
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isinf(values[i])) values[i] = kGap;
      if (!counts[q].empty() && counts[q][i] > 1) values[i] /= counts[q][i];
    }
  }
}

void SeriesWindow::sum_services() {
  std::vector<size_t> service_rows;
  service_rows.reserve(frames_.entities.size());
  for (const Entity& entity : frames_.entities) {
    service_rows.push_back(row_of(frames_.service_entities, service_of(entity)));
  }
  for (auto& [name, services] : frames_.services) {
    std::ranges::fill(services.values, kGap);
    const Frame& containers = frames_.containers[name];
    for (size_t row = 0; row < containers.rows(); ++row) {
      const std::span<const double> from = containers.row(row);
      const std::span<double> to = services.row(service_rows[row]);
      for (size_t c = 0; c < frame_columns_; ++c) {
        if (is_gap(from[c])) continue;
        to[c] = is_gap(to[c]) ? from[c] : to[c] + from[c];
      }
    }
  }
}

}  // namespace sonde::analyzer
