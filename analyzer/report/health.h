#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "analyzer/report/report.h"

namespace sonde::analyzer {

/// What the analyzer knows of itself.
struct Health {
  uint64_t ticks = 0;                        ///< all, failed ones too
  std::map<std::string, uint64_t> failures;  ///< failed ticks by reason, from a closed list
  uint64_t reports = 0;                      ///< published
  double last_tick_seconds = 0;
  std::string last_fault;    ///< of the last tick, in words; "" if it succeeded
  uint64_t series_read = 0;  ///< by the last tick that succeeded
  uint64_t samples_read = 0;
  std::map<std::string, uint64_t> abstentions;  ///< of the classifier in published reports, by reason
  double last_success_seconds = 0;              ///< Unix time; 0: none yet
  bool reload_successful = true;
  double reload_seconds = 0;  ///< Unix time of the last successful load of the configuration
};

/// Health behind its mutex.
///
/// Threads: safe.
class HealthBoard {
 public:
  /// `failure_reasons`: every reason that tick_failed() will be given; they start at 0.
  explicit HealthBoard(const std::vector<std::string>& failure_reasons = {});

  [[nodiscard]] Health read() const;
  void tick_succeeded(double seconds, uint64_t series, uint64_t samples, bool published, double now_seconds);
  void tick_failed(double seconds, const std::string& reason, const std::string& fault);
  /// Counts why the classifier said nothing; kNone is not counted.
  void classified(Abstention why);
  void configuration_loaded(bool successful, double now_seconds);

 private:
  mutable std::mutex health_mutex_;  ///< guards health_
  Health health_;
};

}  // namespace sonde::analyzer
