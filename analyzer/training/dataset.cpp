#include "analyzer/training/dataset.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sonde::analyzer {

void DatasetBuilder::add(int64_t time_ms, int64_t from_ms, const ServiceFeatures& features) {
  Row& row = rows_.emplace_back(Row{time_ms, from_ms, std::vector<double>(places_.size(), kGap)});
  for (const auto& [name, value] : features.values) {
    const size_t place = places_.try_emplace(name, places_.size()).first->second;
    if (place >= row.values.size()) row.values.resize(place + 1, kGap);
    row.values[place] = value;
  }
  for (const std::string& service : features.ambiguous) {
    if (std::ranges::find(ambiguous_, service) == ambiguous_.end()) ambiguous_.push_back(service);
  }
}

Dataset DatasetBuilder::finish(const FaultTimeline& timeline, int64_t settle_ms, double presence,
                               std::string_view name_space) {
  Dataset dataset;
  dataset.ambiguous = std::exchange(ambiguous_, {});
  for (const LeftOut why : kLeftOut) dataset.left_out[why] = 0;
  std::vector<std::pair<const Row*, Moment>> labelled;
  std::vector<size_t> numbers;
  std::vector<size_t> present(places_.size(), 0);
  std::string stretch;
  size_t number = 0;
  for (const Row& row : rows_) {
    Moment moment = timeline.at(row.from_ms, row.time_ms, settle_ms, name_space);
    if (!stretch.empty() && moment.stretch != stretch) ++number;
    stretch = moment.stretch;
    if (moment.left_out != LeftOut::kNone) {
      ++dataset.left_out[moment.left_out];
      continue;
    }
    for (size_t place = 0; place < row.values.size(); ++place)
      present[place] += is_gap(row.values[place]) ? 0U : 1U;
    labelled.emplace_back(&row, std::move(moment));
    numbers.push_back(number);
  }

  std::vector<size_t> kept;
  for (const auto& [name, place] : places_) {
    if (static_cast<double>(present[place]) < presence * static_cast<double>(labelled.size())) {
      dataset.dropped.push_back(name);
    } else {
      dataset.table.columns.push_back(name);
      kept.push_back(place);
    }
  }
  for (size_t i = 0; i < labelled.size(); ++i) {
    const auto& [row, moment] = labelled[i];
    const auto lacks = [&](size_t place) {
      return place >= row->values.size() || is_gap(row->values[place]);
    };
    if (std::ranges::any_of(kept, lacks)) {
      ++dataset.left_out[LeftOut::kMissingFeature];
      continue;
    }
    dataset.times_ms.push_back(row->time_ms);
    for (const size_t place : kept) dataset.table.cells.push_back(row->values[place]);
    dataset.table.labels.push_back(moment.label);
    dataset.table.groups.push_back(std::to_string(numbers[i]));
  }
  rows_.clear();
  places_.clear();
  return dataset;
}

}  // namespace sonde::analyzer
