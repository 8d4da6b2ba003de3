#include "analyzer/detectors/service_features.h"

#include <algorithm>

namespace sonde::analyzer {

ServiceFeatures service_features(const std::vector<Entity>& entities,
                                 const std::map<std::string, Frame>& containers,
                                 const std::string& name_space, size_t back) {
  ServiceFeatures features;
  const auto is_read = [&](const Entity& entity) {
    return !entity.service.empty() && (name_space.empty() || entity.name_space == name_space);
  };
  for (const Entity& entity : entities) {
    if (!is_read(entity)) continue;
    const auto [known, added] = features.name_spaces.try_emplace(entity.service, entity.name_space);
    if (!added && known->second != entity.name_space) features.ambiguous.push_back(entity.service);
  }
  std::ranges::sort(features.ambiguous);
  features.ambiguous.erase(std::ranges::unique(features.ambiguous).begin(), features.ambiguous.end());

  for (const auto& [quantity, frame] : containers) {
    for (size_t row = 0; row < frame.rows() && back < frame.columns; ++row) {
      if (!is_read(entities[row])) continue;
      const double value = frame.row(row)[frame.columns - 1 - back];
      if (frame.series[row].empty() && is_gap(value)) continue;  // the container lacks the quantity
      const auto [sum, added] = features.values.try_emplace(entities[row].service + "_" + quantity, value);
      if (!added) sum->second += value;  // NaN, a gap, stays one
    }
  }
  return features;
}

}  // namespace sonde::analyzer
