#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "analyzer/config/config.h"
#include "analyzer/models/model_watch.h"
#include "analyzer/pipeline/tick_loop.h"
#include "analyzer/report/diagnosis_queue.h"
#include "analyzer/report/health.h"
#include "analyzer/report/report_store.h"
#include "analyzer/source/source.h"
#include "common/result.h"

namespace sonde::analyzer {

/// Checks a configuration as a start would, selectors and the source's settings too, without connecting.
/// `file` "" stands for the defaults. Errors: kInvalid, kNotFound or kPermission, one line.
Result<void> check_configuration(const std::string& file);

/// The running analyzer: one configuration at a time, and what outlives it (the last report, the health).
///
/// Threads: safe.
class Runtime {
 public:
  explicit Runtime(std::string config_file);

  /// Loads the configuration; reads nothing of Prometheus yet. Errors: as check_configuration().
  Result<void> load();
  /// Starts ticking. REQUIRES: load() succeeded.
  void start();
  /// Loads the configuration anew and replaces what runs; if it is wrong, the old one stays in use. The last
  /// report stays published meanwhile, and the history is read back from Prometheus.
  Result<void> reload();

  /// For DiagnosisQueue.
  Result<ReportPointer> diagnose_past(const PastRequest& request);

  [[nodiscard]] const ReportStore& reports() const { return reports_; }
  [[nodiscard]] const HealthBoard& health() const { return health_; }
  /// Of the configuration in use.
  [[nodiscard]] int64_t max_age_ms() const;
  [[nodiscard]] size_t queue_capacity() const;

  /// One line: what the configuration in use reads and how often, and where the answers are.
  void log_start(std::string_view addresses) const;

 private:
  /// All that one configuration makes.
  struct Setup {
    Config config;
    std::shared_ptr<const MetricMapper> mapper;
    std::unique_ptr<Source> source;
    std::shared_ptr<ModelWatch> models;  ///< null: no classifier is configured
  };

  friend Result<void> check_configuration(const std::string& file);
  static Result<std::shared_ptr<Setup>> make_setup(const std::string& file);
  [[nodiscard]] std::shared_ptr<Setup> setup() const;
  void run(std::shared_ptr<Setup> setup);

  std::string config_file_;
  ReportStore reports_;
  HealthBoard health_;
  std::mutex reload_mutex_;         ///< one reload at a time; guards ticks_
  mutable std::mutex setup_mutex_;  ///< guards setup_
  std::shared_ptr<Setup> setup_;
  std::unique_ptr<TickThread> ticks_;  ///< last: it uses all of the above
};

}  // namespace sonde::analyzer
