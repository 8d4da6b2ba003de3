#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "analyzer/models/model_watch.h"
#include "analyzer/pipeline/analysis.h"
#include "analyzer/report/health.h"
#include "analyzer/report/report_store.h"
#include "analyzer/source/source.h"
#include "common/result.h"

namespace sonde::analyzer {

struct TickLoopOptions {
  int64_t interval_ms = 15'000;
  int64_t history_ms = 300 * 15'000;  ///< read at start, so that there is no warm-up
  AnalysisOptions analysis;
  std::shared_ptr<ModelWatch> models;  ///< null: no column is told by a classifier
};

/// Every reason that a failed tick is counted under.
std::vector<std::string> tick_failure_reasons();

/// Reads what is new, judges it, publishes the report; again and again.
///
/// A tick is due as soon as the next column can be complete, so that no time is lost between a scrape and its
/// verdict: the loop learns at which offset Prometheus scrapes and how long until a scrape can be read. Where
/// the samples are not there yet it looks again after a short pause, a few times.
class TickLoop {
 public:
  /// REQUIRES: source, store and health outlive the loop.
  TickLoop(TickLoopOptions options, std::shared_ptr<const MetricMapper> mapper, Source& source,
           ReportStore& store, HealthBoard& health);

  /// What one tick did.
  struct Outcome {
    bool read = false;       ///< the read succeeded
    bool published = false;  ///< a column was complete and its report is published
    int64_t next_ms = 0;     ///< when to tick again
  };
  /// One tick at the time given. Threads: one; not while run() runs.
  Outcome tick(int64_t now_ms);

  /// Ticks until asked to stop. Threads: one.
  void run(const std::stop_token& stop);

 private:
  Outcome failed(const Error& error, const SourceStatus& before, double seconds, int64_t now_ms);
  [[nodiscard]] ReadQuery next_query(int64_t now_ms) const;
  [[nodiscard]] int64_t next_tick(int64_t now_ms, bool published);

  TickLoopOptions options_;
  std::shared_ptr<const MetricMapper> mapper_;
  Source& source_;
  ReportStore& store_;
  HealthBoard& health_;
  Analysis analysis_;
  bool was_reading_ = true;    ///< the last read succeeded: only a change is worth a log line
  int64_t visible_after_ms_;   ///< estimate: from a sample's timestamp until it can be read
  int64_t tick_ms_ = 0;        ///< how long a tick takes
  unsigned looked_again_ = 0;  ///< how often in vain since the last column
};

/// A TickLoop on its own thread; ends with the object.
class TickThread {
 public:
  explicit TickThread(std::unique_ptr<TickLoop> loop);

 private:
  std::unique_ptr<TickLoop> loop_;
  std::jthread thread_;
};

}  // namespace sonde::analyzer
