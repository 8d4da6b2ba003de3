#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "exporter/flows/flow_alerts.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/flow_programs.h"
#include "exporter/flows/tracing/tracer.h"
#include "exporter/flows/tracing/trigger_rules.h"

namespace sonde::exporter {

struct TriggerOptions {
  TriggerRules rules{};
  std::chrono::milliseconds duration{2000};    ///< of the trace that an alert begins
  std::chrono::milliseconds interval{30'000};  ///< at least, from one such trace to the next
  std::string procfs = "/proc";
  std::function<std::shared_ptr<const ContainerTable>()> containers{};
  std::function<std::vector<FlowInterface>()> interfaces{};
};

/// Begins a trace when the kernel says that a connection of a service with a rule is slow. A thread of its
/// own takes the alerts, and tells the kernel the thresholds of interfaces that appear, or whose service
/// becomes known. Threads: safe.
class TraceTrigger {
 public:
  /// Errors: those of FlowAlerts::open(). `programs` and `tracer` outlive it.
  static Result<std::unique_ptr<TraceTrigger>> start(FlowPrograms& programs, Tracer& tracer,
                                                     TriggerOptions options);
  ~TraceTrigger();
  TraceTrigger(const TraceTrigger&) = delete;
  TraceTrigger& operator=(const TraceTrigger&) = delete;

  /// Writes the families of metrics().
  void write(metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

 private:
  enum Outcome { kTraced, kTooSoon, kBusy, kFailed, kOutcomes };

  TraceTrigger(FlowPrograms& programs, Tracer& tracer, TriggerOptions options,
               std::unique_ptr<FlowAlerts> alerts);
  void run(const std::stop_token& stop);
  void set_thresholds();
  void take(const flow_alert& alert);

  FlowPrograms& programs_;
  Tracer& tracer_;
  const TriggerOptions options_;
  std::unique_ptr<FlowAlerts> alerts_;
  std::map<std::pair<uint32_t, uint32_t>, flow_threshold> told_;  ///< the thread's: by space and interface
  SteadyTime last_trace_ = SteadyTime::min();                     ///< the thread's
  std::array<std::atomic<uint64_t>, kOutcomes> outcomes_{};
  std::jthread thread_;  ///< last: the rest exists until it has ended
};

}  // namespace sonde::exporter
