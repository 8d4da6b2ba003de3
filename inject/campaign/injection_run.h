#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "inject/campaign/campaign_schedule.h"
#include "inject/campaign/fault_child.h"
#include "inject/event_wait.h"
#include "inject/fault_publication.h"

namespace sonde::inject {

/// An injection's faults while they run: starts each at its time, publishes what they report, and sees them
/// end. Threads: one.
class InjectionRun {
 public:
  using Words = std::function<std::vector<std::string>(const ScheduledFault&)>;

  /// `words`: how sonde-inject is called for a fault; it keeps its states in `state_folder`. The injection
  /// and the publication outlive this.
  InjectionRun(const ScheduledInjection& injection, Words words, std::filesystem::path state_folder,
               FaultPublication& publication);

  /// Sleeps until something happens, or `deadline`, and deals with it.
  void wait(const SignalQueue& signals, SteadyTime deadline);
  /// Every fault was started and is undone.
  [[nodiscard]] bool is_over() const;
  /// Every one showed its effect and was undone.
  [[nodiscard]] bool all_proven() const { return all_proven_; }
  /// Asks all to end now, and starts no more.
  void end_early();

 private:
  struct Running {
    FaultChild child;
    SteadyTime deadline;           ///< for the watchdog: by then it has undone what the injector has not
    std::vector<size_t> placed{};  ///< of the publication, not ended yet
  };

  void start_due();
  void take_reports(Running& running);
  void take_ends();
  /// Whether nobody is at work on its fault any more; publishes its end then.
  bool has_ended(Running& running);

  const ScheduledInjection& injection_;
  Words words_;
  std::filesystem::path state_folder_;
  FaultPublication& publication_;
  SteadyTime begin_;
  size_t started_ = 0;  ///< of injection_.faults, which are ordered by their begin
  std::vector<Running> running_;
  bool all_proven_ = true;
};

}  // namespace sonde::inject
