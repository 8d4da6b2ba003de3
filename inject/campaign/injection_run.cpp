#include "inject/campaign/injection_run.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "inject/fault_state.h"
#include "inject/faults/fault_table.h"
#include "inject/watchdog.h"

namespace sonde::inject {
namespace {

/// Beyond the end of its watchdog's lease an injector is given up: its fault is undone by then.
constexpr std::chrono::seconds kPatience(3);
/// How long the watchdog may take after an injector's death.
constexpr std::chrono::seconds kUndoPatience(15);
constexpr std::chrono::milliseconds kStateInterval(50);

std::vector<FaultReading> readings_of(const FaultReport& report) {
  std::vector<FaultReading> readings;
  const FaultRow* fault = find_fault(report.fault);
  if (fault == nullptr) return readings;
  const auto rows = fault->metric_rows();
  for (const auto& [name, value] : report.readings) {
    const auto row = std::ranges::find(rows, std::string_view(name), &metrics::MetricRow::name);
    if (row != rows.end()) readings.push_back({&*row, value});
    if (name == level_metric().name) readings.push_back({&level_metric(), value});
  }
  return readings;
}

/// The number of the fault in the publication.
size_t publish(const FaultReport& report, FaultPublication& publication) {
  const size_t fault = publication.add(report.name, report.fault);
  switch (report.event) {
    case FaultReport::Event::kPlaced:
      publication.set_placed(fault);
      break;
    case FaultReport::Event::kProven:
      publication.set_readings(fault, readings_of(report));
      publication.set_active(fault, report.seconds);
      break;
    case FaultReport::Event::kMeasured:
      publication.set_readings(fault, readings_of(report));
      break;
    case FaultReport::Event::kEnded:
      publication.set_ended(fault, report.seconds);
      break;
    case FaultReport::Event::kLeft:
      publication.set_left(fault);
      break;
  }
  return fault;
}

}  // namespace

InjectionRun::InjectionRun(const ScheduledInjection& injection, Words words,
                           std::filesystem::path state_folder, FaultPublication& publication)
    : injection_(injection),
      words_(std::move(words)),
      state_folder_(std::move(state_folder)),
      publication_(publication),
      begin_(SteadyClock::now()) {
  start_due();
}

void InjectionRun::wait(const SignalQueue& signals, SteadyTime deadline) {
  if (started_ < injection_.faults.size()) {
    deadline = std::min(deadline, begin_ + injection_.faults[started_].begin);
  }
  std::vector<int> descriptors = {signals.descriptor()};
  for (const Running& running : running_) {
    descriptors.push_back(running.child.report_descriptor());
    descriptors.push_back(running.child.end_descriptor());
    // It has ended and its watchdog is at work: only a file tells when that is done.
    const bool watched = running.child.end_descriptor() < 0;
    deadline = std::min(deadline, watched ? SteadyClock::now() + kStateInterval : running.deadline);
  }
  wait_for(descriptors, deadline);
  for (Running& running : running_) take_reports(running);
  take_ends();
  start_due();
  for (Running& running : running_) {
    if (running.child.end_descriptor() < 0 || SteadyClock::now() < running.deadline) continue;
    log::warning("an injector hangs and is given up", {{"pid", running.child.identity().pid}});
    running.child.kill();
    running.deadline = SteadyClock::now() + kUndoPatience;
  }
}

bool InjectionRun::is_over() const {
  return started_ == injection_.faults.size() && running_.empty();
}

void InjectionRun::end_early() {
  started_ = injection_.faults.size();
  for (const Running& running : running_) running.child.ask_to_end();
}

void InjectionRun::start_due() {
  for (; started_ < injection_.faults.size(); ++started_) {
    const ScheduledFault& fault = injection_.faults[started_];
    if (SteadyClock::now() < begin_ + fault.begin) return;
    auto child = FaultChild::start(words_(fault));
    if (!child) {
      log::error("an injector could not be started", {{"error", child.error().message}});
      all_proven_ = false;
      continue;
    }
    running_.push_back({std::move(*child), SteadyClock::now() + fault.duration + kLeaseGrace + kPatience});
  }
}

void InjectionRun::take_reports(Running& running) {
  for (const FaultReport& report : running.child.take_reports()) {
    const size_t fault = publish(report, publication_);
    if (report.event == FaultReport::Event::kPlaced) running.placed.push_back(fault);
    if (report.event == FaultReport::Event::kEnded) std::erase(running.placed, fault);
    if (report.event == FaultReport::Event::kProven) {
      log::debug("fault is active", {{"fault", report.fault}, {"effect", report.summary}});
    }
  }
}

void InjectionRun::take_ends() {
  std::erase_if(running_, [this](Running& running) {
    const bool seen = running.child.end_descriptor() < 0;
    const auto code = running.child.exit_code();
    if (!code) return false;
    if (!seen) {
      take_reports(running);  // what it said last
      if (*code != 0) all_proven_ = false;
      running.deadline = SteadyClock::now() + kUndoPatience;
    }
    return has_ended(running);
  });
}

bool InjectionRun::has_ended(Running& running) {
  if (running.placed.empty()) return true;
  // One that was killed or could not undo its fault leaves it to its watchdog, which removes the file then.
  const auto state = state_path(state_folder_, running.child.identity());
  std::error_code ignored;
  if (!std::filesystem::exists(state, ignored)) {
    for (const size_t fault : running.placed) publication_.set_ended(fault, unix_seconds_now());
    return true;
  }
  if (SteadyClock::now() < running.deadline) return false;
  log::error("a fault is not undone; run sonde-inject undo", {{"state", state.string()}});
  for (const size_t fault : running.placed) publication_.set_left(fault);
  return true;
}

}  // namespace sonde::inject
