#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "analyzer/algorithms/change_rate.h"
#include "analyzer/detectors/detector.h"

namespace sonde::analyzer {

struct ChangeRateDetectorOptions {
  ChangeRateOptions rate;
  bool normalised = false;       ///< flag by changes per instance instead of changes
  size_t minimum_services = 20;  ///< with non-zero scores; with fewer nobody can say what is usual
  double forget_seconds = 3600;  ///< a service without instances for so long is forgotten
};

/// How often each service's set of containers changes, flagged where it is an outlier among the services
/// (docs/detectors.md, "change_rate"). Instances are the containers that have samples in the column, compared
/// as sets, so that a restart under another name counts as one removed and one added.
///
/// Its evidence has the quantity "change_rate": value = changes/s, expected = the mean over the services; and
/// "instances": value = containers now, expected = before the last change.
/// Threads: one.
class ChangeRateDetector : public Detector {
 public:
  static constexpr std::string_view kName = "change_rate";

  explicit ChangeRateDetector(const ChangeRateDetectorOptions& options) : options_(options) {}
  std::vector<Score> evaluate(const DetectorInput& input) override;

 private:
  using Key = std::pair<std::string, std::string>;                  ///< namespace, service
  using Instances = std::set<std::pair<std::string, std::string>>;  ///< pod, container
  struct State {
    ChangeRate rate;
    Instances instances;
    size_t before = 0;  ///< how many there were before the last change
    int64_t start_ms = 0;
    int64_t last_seen_ms = 0;
  };

  void observe(const Key& service, const Instances& now, int64_t now_ms);

  ChangeRateDetectorOptions options_;
  std::map<Key, State> states_;
};

}  // namespace sonde::analyzer
