#pragma once

#include <chrono>

#include "exporter/flows/tracing/trace_programs.h"
#include "exporter/flows/tracing/trigger_rules.h"

namespace sonde::exporter {

/// How connections are traced, as the flags --flows.trace.* and --flows.trigger.* say.
struct TraceOptions {
  bool on = true;
  TraceLimits limits{};
  TriggerRules triggers{};                             ///< empty: traces are made on request alone
  std::chrono::milliseconds trigger_duration{2000};    ///< of the trace that an alert begins
  std::chrono::milliseconds trigger_interval{30'000};  ///< at least, from one of those to the next
};

}  // namespace sonde::exporter
