#pragma once

#include <memory>

#include "common/http/server.h"
#include "common/result.h"
#include "identity/container_name.h"
#include "inject/event_wait.h"
#include "inject/fault.h"

namespace sonde::inject {

/// Who learns how a fault in a container fares: whoever scrapes it, or the campaign that began it. All times:
/// seconds since the Unix epoch. Threads: one.
class Audience {
 public:
  Audience() = default;
  virtual ~Audience() = default;
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  /// Once, before the fault takes effect and after all forks.
  virtual Result<void> start() = 0;
  /// The fault takes effect from now on.
  virtual void placed(double seconds) = 0;
  /// Its effect was measured; it is in effect since `start_seconds`.
  virtual void proven(double start_seconds, const Effect& effect) = 0;
  /// What it measures by the way.
  virtual void measured(const Effect& effect) = 0;
  /// It is undone.
  virtual void ended(double end_seconds) = 0;
  /// It is over, but could not be undone: it stays in place, without what was proven of it.
  virtual void left_in_place() = 0;
  /// Waits until its end is known to all; a signal ends the wait.
  virtual void linger(SignalQueue& signals) = 0;
  /// Whether anyone has ever listened.
  [[nodiscard]] virtual bool has_listened() const = 0;
};

/// Serves /metrics, until two scrapes have seen the end, for at most `linger`.
std::unique_ptr<Audience> make_scraped_audience(const http::WebOptions& web,
                                                const identity::ContainerName& name, std::string_view fault,
                                                std::chrono::milliseconds linger);

/// Writes a line for each event to a pipe (fault_report.h). Where its other end is closed, SIGTERM comes to
/// this process, as it does when its parent dies.
std::unique_ptr<Audience> make_piped_audience(int descriptor, const identity::ContainerName& name,
                                              std::string_view fault);

}  // namespace sonde::inject
