#include "inject/campaign/injection_run.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "inject/faults/fault_table.h"

namespace sonde::inject {
namespace {

/// Beyond the planned end an injector is given up: its watchdog's lease has ended by then.
constexpr std::chrono::seconds kPatience(60);

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
  }
  return fault;
}

}  // namespace

InjectionRun::InjectionRun(const ScheduledInjection& injection, Words words, FaultPublication& publication)
    : injection_(injection), words_(std::move(words)), publication_(publication), begin_(SteadyClock::now()) {
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
  }
  wait_for(descriptors, deadline);
  for (Running& running : running_) take_reports(running);
  take_ends();
  start_due();
  if (SteadyClock::now() > begin_ + injection_.duration + kPatience) {
    for (const Running& running : running_) running.child.kill();
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
    running_.push_back({std::move(*child), {}});
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
    const auto code = running.child.exit_code();
    if (!code) return false;
    take_reports(running);  // what it said last
    // One that was killed says nothing; its watchdog undoes the fault at that moment.
    for (const size_t fault : running.placed) publication_.set_ended(fault, unix_seconds_now());
    if (*code != 0) all_proven_ = false;
    return true;
  });
}

}  // namespace sonde::inject
