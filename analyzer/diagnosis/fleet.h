#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "analyzer/detectors/detector.h"
#include "analyzer/report/report.h"

namespace sonde::analyzer {

struct FleetOptions {
  double shift_ratio = 1.3;     ///< a service's load moved if it changed by this factor, up or down
  double shift_share = 0.6;     ///< of the services that must have moved alike
  size_t minimum_services = 3;  ///< with fewer there is no "most"
  /// While the load is shifted a quantity may grow by this much more than the load did.
  double load_slack = 1.5;
};

/// What the services did together in one column, and so what needs no culprit.
///
/// Built from the zscore detector's scores, whose evidence holds value and expectation of every quantity.
/// Ratios are (now + floor) / (expected + floor), so that a quantity near zero does not jump.
class Fleet {
 public:
  Fleet(std::span<const Score> scores, const std::map<std::string, QuantityTraits>& traits,
        const FleetOptions& options);

  /// By which factor (>= 1) the quantity of a container of this service may exceed its expectation without
  /// anyone being at fault: the other services' load grew, the same quantity grew in most of them (a slower
  /// machine makes everybody's CPU time grow), or replicas of its service are gone and the rest take over.
  [[nodiscard]] double explained_factor(const Entity& entity, std::string_view quantity) const;

  /// Load of this column alone, without debounce.
  [[nodiscard]] const FleetState& state() const { return state_; }

 private:
  using Key = std::pair<std::string, std::string>;  ///< namespace, service

  [[nodiscard]] double median_of_others(const std::map<Key, double>& ratios, const Key& self) const;
  void judge_load();

  FleetOptions options_;
  std::map<std::string, std::map<Key, double>, std::less<>> ratios_;  ///< by quantity
  std::map<Key, double> loads_;
  std::map<Key, double> lost_replicas_;  ///< instances before / now, >= 1
  FleetState state_;
};

}  // namespace sonde::analyzer
