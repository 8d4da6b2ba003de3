#pragma once

#include <map>
#include <string>
#include <vector>

namespace sonde::analyzer {

/// One quantity of the metric map: which series it is, and how they are read.
struct MetricEntry {
  enum class Kind { kCounter, kGauge };
  enum class Aggregate { kSum, kMax, kMean };
  enum class Role { kCause, kSymptom };
  enum class Workload { kLabel, kPodName };

  std::string select;  ///< PromQL selector
  Kind kind = Kind::kGauge;
  double factor = 1;                      ///< to the base unit; a value is multiplied by it
  Aggregate aggregate = Aggregate::kSum;  ///< over the series of one container, such as modes or interfaces
  bool as_change = false;                 ///< score a gauge's change per second rather than its level
  Role role = Role::kCause;
  bool cause_when_falling = false;
  bool load = false;    ///< measures what is asked of a service
  double floor = 1e-9;  ///< smallest deviation assumed, in the base unit (per second if a rate)
  std::string unit;     ///< for people: "cores", "bytes/s"
  /// Identity label → the series' label that holds it; "" means that it is always empty.
  std::map<std::string, std::string> labels = {
      {"namespace", "namespace"}, {"pod", "pod"}, {"container", "container"}, {"service", "service"}};
  Workload workload = Workload::kLabel;  ///< kPodName: an empty service is derived from the pod's name

  friend bool operator==(const MetricEntry&, const MetricEntry&) = default;
};

/// Quantity → entry.
using MetricMap = std::map<std::string, MetricEntry>;

}  // namespace sonde::analyzer
