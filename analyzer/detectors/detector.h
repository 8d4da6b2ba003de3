#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyzer/report/report.h"
#include "analyzer/series/frame.h"

namespace sonde::analyzer {

/// What a quantity says about the container that shows it.
enum class Role {
  kCause,    ///< the container does it itself: more of it can be its fault
  kSymptom,  ///< others do it to the container: its traffic, its waiting
};

/// What is known of a quantity besides its values.
struct QuantityTraits {
  double floor = 1e-9;  ///< smallest deviation that is ever assumed, in the base unit; > 0
  Role role = Role::kCause;
  bool cause_when_falling = false;  ///< whether less of it can be a cause too
  bool load = false;                ///< measures what is asked of a service: its traffic
  std::string unit;                 ///< "cores", "bytes/s" …
};

/// What every detector sees: one frame per quantity of the metric map, all on the same grid, counters as
/// rates.
struct DetectorInput {
  /// Row r of every frame of `containers` is entities[r]; a row of gaps where it lacks the quantity. A pod's
  /// quantities (its network) stand in the row of its container where it has only one, else in a row of their
  /// own with container "".
  const std::vector<Entity>& entities;
  const std::map<std::string, Frame>& containers;
  /// The same summed per service: row r of every frame is services[r].
  const std::vector<Entity>& service_entities;
  const std::map<std::string, Frame>& services;
  const std::map<std::string, QuantityTraits>& traits;
  int64_t now_ms = 0;  ///< time of the last column
};

/// One way of seeing trouble. Adding one: a .cpp here and a row in detector_table.cpp.
///
/// Threads: one (the tick loop's).
class Detector {
 public:
  virtual ~Detector() = default;

  /// Scores the last column. May keep state between calls (thresholds); columns come once, in order.
  virtual std::vector<Score> evaluate(const DetectorInput& input) = 0;
};

}  // namespace sonde::analyzer
