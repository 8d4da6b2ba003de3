#include "analyzer/diagnosis/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analyzer/algorithms/statistics.h"
#include "analyzer/detectors/change_rate_detector.h"
#include "analyzer/detectors/zscore.h"

namespace sonde::analyzer {
namespace {

struct Sums {
  double value = 0;
  double expected = 0;
};

}  // namespace

Fleet::Fleet(std::span<const Score> scores, const std::map<std::string, QuantityTraits>& traits,
             const FleetOptions& options)
    : options_(options) {
  std::map<std::string, std::map<Key, Sums>> sums;
  for (const Score& score : scores) {
    const Key service{score.entity.name_space, score.entity.service};
    if (score.detector == ChangeRateDetector::kName) {
      for (const Evidence& evidence : score.evidence) {
        if (evidence.quantity == "instances" && evidence.value > 0) {
          lost_replicas_[service] = std::max(1.0, evidence.expected / evidence.value);
        }
      }
    }
    if (score.detector != ZscoreDetector::kName) continue;
    for (const Evidence& evidence : score.evidence) {
      Sums& sum = sums[evidence.quantity][service];
      sum.value += evidence.value;
      sum.expected += evidence.expected;
    }
  }
  std::map<Key, std::vector<double>> loads;
  for (const auto& [quantity, services] : sums) {
    const auto found = traits.find(quantity);
    if (found == traits.end()) continue;
    const double floor = found->second.floor;
    for (const auto& [service, sum] : services) {
      const double ratio = (std::max(sum.value, 0.0) + floor) / (std::max(sum.expected, 0.0) + floor);
      ratios_[quantity][service] = ratio;
      if (found->second.load && std::max(sum.value, sum.expected) > floor) loads[service].push_back(ratio);
    }
  }
  for (auto& [service, ratios] : loads) loads_[service] = median(ratios);
  judge_load();
}

void Fleet::judge_load() {
  state_.services = static_cast<unsigned>(loads_.size());
  if (loads_.size() < options_.minimum_services) return;
  std::vector<double> ratios;
  ratios.reserve(loads_.size());
  for (const auto& [service, ratio] : loads_) ratios.push_back(ratio);
  const auto up = std::ranges::count_if(ratios, [&](double ratio) { return ratio >= options_.shift_ratio; });
  const auto down =
      std::ranges::count_if(ratios, [&](double ratio) { return ratio <= 1 / options_.shift_ratio; });
  state_.load_ratio = median(ratios);
  const double needed = options_.shift_share * static_cast<double>(ratios.size());
  state_.shifted = static_cast<double>(std::max(up, down)) >= needed;
  if (state_.shifted) {
    state_.explanation = fmt::format(
        "the load changed: the traffic of {} of {} services moved together, to {:.2f} times the "
        "usual in the median",
        std::max(up, down), ratios.size(), state_.load_ratio);
  }
}

double Fleet::median_of_others(const std::map<Key, double>& ratios, const Key& self) const {
  if (ratios.size() < options_.minimum_services) return 1;
  std::vector<double> others;
  for (const auto& [service, ratio] : ratios) {
    if (service != self) others.push_back(ratio);
  }
  return median(others);
}

double Fleet::explained_factor(const Entity& entity, std::string_view quantity) const {
  const Key self{entity.name_space, entity.service};
  double factor = std::max(1.0, median_of_others(loads_, self));
  const auto ratios = ratios_.find(quantity);
  if (ratios != ratios_.end()) factor = std::max(factor, median_of_others(ratios->second, self));
  if (state_.shifted && state_.load_ratio > 1) factor *= options_.load_slack;
  const auto lost = lost_replicas_.find(self);
  return lost == lost_replicas_.end() ? factor : factor * lost->second;
}

}  // namespace sonde::analyzer
