#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyzer/report/report.h"
#include "analyzer/series/frame.h"

namespace sonde::analyzer {

/// What every detector sees: one frame per quantity of the metric map, all on the same grid, counters as
/// rates.
struct DetectorInput {
  /// Rows of a frame are containers (or pods, for network quantities), identified by their four labels.
  const std::map<std::string, Frame>& containers;
  /// The same summed per service; rows have namespace and service only.
  const std::map<std::string, Frame>& services;
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
