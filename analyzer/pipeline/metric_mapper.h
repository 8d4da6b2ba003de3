#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "analyzer/config/metric_map.h"
#include "analyzer/detectors/detector.h"
#include "analyzer/pipeline/selector_match.h"
#include "analyzer/report/report.h"
#include "analyzer/series/label_set.h"
#include "analyzer/source/source.h"
#include "common/result.h"

namespace sonde::analyzer {

/// The metric map, compiled: turns a series into the quantity and the container that it is about.
///
/// Threads: safe once made.
class MetricMapper {
 public:
  struct Quantity {
    std::string name;
    MetricEntry entry;
    SelectorMatch match;
  };
  struct Target {
    size_t quantity = 0;  ///< index into quantities()
    Entity entity;
  };

  /// Errors: kInvalid for a selector or a regular expression that cannot be read, naming the quantity.
  static Result<MetricMapper> compile(const MetricMap& map);

  /// In the order of the names.
  [[nodiscard]] const std::vector<Quantity>& quantities() const { return quantities_; }
  /// What to ask a Source for.
  [[nodiscard]] const std::vector<Selector>& selectors() const { return selectors_; }
  [[nodiscard]] const std::map<std::string, QuantityTraits>& traits() const { return traits_; }

  /// What a series feeds; empty if nothing. Labels that a scrape renamed to exported_… are read back.
  [[nodiscard]] std::vector<Target> targets(const LabelSet& labels) const;

 private:
  std::vector<Quantity> quantities_;
  std::vector<Selector> selectors_;
  std::map<std::string, QuantityTraits> traits_;
  std::unordered_map<std::string, std::vector<size_t>> by_metric_;  ///< "" holds those without a fixed name
};

}  // namespace sonde::analyzer
