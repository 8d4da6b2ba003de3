#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/metrics/metric_row.h"
#include "common/result.h"
#include "inject/cgroup_target.h"
#include "inject/fault_state.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own
class App;
}

namespace sonde::inject {

/// One number that a fault publishes about itself, such as the cores it was asked for.
struct FaultReading {
  const metrics::MetricRow* row = nullptr;  ///< its labels are the container's and `fault`
  double value = 0;
};

/// What a fault can show for itself.
struct Effect {
  bool proven = false;  ///< the target was seen to suffer what was asked, within the fault's tolerance
  std::string summary;  ///< asked against measured, one line for the log
  std::vector<FaultReading> readings;
};

/// Which levels a fault knows (Fault::set_level).
enum class Levels {
  kOne,    ///< 1: it is there from its start to its end
  kOnOff,  ///< 0 and 1
  kAny,    ///< 0 to 1
};

/// A disturbance of one container. Its life: flags → check → prepare → start → (set_level, measure)… → undo.
///
/// Undoing is not a member: it must work from the watchdog and from `sonde-inject undo`, which know only the
/// state (FaultRow::undo in faults/fault_table.h). Threads: one.
class Fault {
 public:
  Fault() = default;
  virtual ~Fault() = default;
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;

  /// Adds the fault's own flags to its subcommand; they are read into members.
  virtual void add_flags(CLI::App& app) = 0;
  /// Whether the flags' values make sense. Errors: kInvalid, one line: the key, the value, the remedy.
  virtual Result<void> check() = 0;
  /// Of checked flags: why a fault of `duration` would teach less than it seems to, with the remedy; "" where
  /// nothing is known of that.
  [[nodiscard]] virtual std::string doubt(std::chrono::milliseconds duration,
                                          std::chrono::milliseconds proof_timeout) const;
  /// Forks what it needs and notes in `state` all that undo needs; nothing takes effect yet. The process has
  /// one thread still.
  virtual Result<void> prepare(const CgroupTarget& target, FaultState& state) = 0;
  /// Puts it into effect, at a level that set_level() would take: a ramp never begins with all of it.
  virtual Result<void> start(double level) = 0;
  /// Which levels set_level() takes.
  [[nodiscard]] virtual Levels levels() const { return Levels::kOne; }
  /// Changes how much of what was asked is in effect, while it is in place: 0 nothing, 1 all of it.
  /// What is asked and proven from then on is that share. Errors: kUnsupported where the fault knows
  /// no such level.
  virtual Result<void> set_level(double level);
  /// Effect so far. Call it every few 100 ms: its proof looks at the time since the last call.
  /// Errors: kUnavailable where the fault is no longer in place.
  virtual Result<Effect> measure() = 0;
  /// Becomes readable when the fault breaks by itself (its process died); -1 where it cannot.
  [[nodiscard]] virtual int broken_descriptor() const { return -1; }
};

}  // namespace sonde::inject
