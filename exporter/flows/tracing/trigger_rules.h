#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/flow_rtt.h"
#include "common/result.h"

namespace sonde::exporter {

/// When a service's connections are slow enough to be traced.
struct TriggerRule {
  std::chrono::milliseconds absolute{0};  ///< smoothed RTT above this; 0: not judged so
  uint32_t relative_percent = 0;          ///< of the connection's own usual RTT; 0: not judged so
};

/// By service; "*" is every service that has no rule of its own.
using TriggerRules = std::map<std::string, TriggerRule, std::less<>>;

/// Takes SERVICE=DURATION of --flows.trigger.absolute, such as api=60ms. Errors: kInvalid.
Result<void> add_absolute_rule(std::string_view text, TriggerRules& rules);
/// Takes SERVICE=FACTOR of --flows.trigger.relative, such as api=3: three times what is usual; above 1, at
/// most 1000. Errors: kInvalid.
Result<void> add_relative_rule(std::string_view text, TriggerRules& rules);

/// What the kernel is told for a service's interfaces; all 0 where no rule is for it.
flow_threshold threshold_of(const TriggerRules& rules, std::string_view service);

}  // namespace sonde::exporter
