#include "analyzer/training/fault_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analyzer/series/identity_labels.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kInPlace = "sonde_fault_in_place";
constexpr std::string_view kActive = "sonde_fault_active";
constexpr std::string_view kHeavy = "sonde_workload_heavy";

/// Whose fault it is: its service, or the nearest thing that has a name.
std::string target_name(const LabelSet& labels) {
  for (const char* const name : {"service", "container", "pod"}) {
    if (!labels.get(name).empty()) return std::string(labels.get(name));
  }
  return "unknown";
}

}  // namespace

std::string_view left_out_text(LeftOut why) {
  switch (why) {
    case LeftOut::kNone:
      return "";
    case LeftOut::kStraddles:
      return "at an edge of a fault or of the load";
    case LeftOut::kUnknown:
      return "fault not known, the injector was not scraped";
    case LeftOut::kSeveral:
      return "several faults at once";
    case LeftOut::kUnproven:
      return "effect not proven";
    case LeftOut::kSettling:
      return "settling after a fault";
    case LeftOut::kMissingFeature:
      return "missing feature";
  }
  return "";
}

void FaultTimeline::Track::add(const Sample& sample, int64_t step_ms) {
  if (sample.timestamp_ms <= last_ms) return;
  const State before = changes.empty() ? State::kOff : changes.back().state;
  const bool first = last_ms == INT64_MIN;
  if (!first && before == State::kOn && sample.timestamp_ms - last_ms > kHoleSteps * step_ms) {
    changes.push_back({last_ms, last_ms + 1, State::kUnknown});
  }
  // A series that has ended says nothing any more: its program has gone, and undone what it did.
  const State now = !is_stale(sample.value) && sample.value > 0 ? State::kOn : State::kOff;
  const State known = changes.empty() ? State::kOff : changes.back().state;
  // What is on when it is first seen was not there at the scrape before.
  const int64_t after_ms = first ? sample.timestamp_ms - step_ms : last_ms;
  if (now != known) changes.push_back({after_ms, sample.timestamp_ms, now});
  last_ms = sample.timestamp_ms;
}

FaultTimeline::State FaultTimeline::Track::at(int64_t time_ms, int64_t step_ms) const {
  const auto next = std::ranges::upper_bound(changes, time_ms, {}, &Change::by_ms);
  if (next == changes.begin()) return State::kOff;
  const State state = (next - 1)->state;
  return state == State::kOn && next == changes.end() && time_ms - last_ms > kHoleSteps * step_ms
             ? State::kUnknown
             : state;
}

bool FaultTimeline::Track::changes_within(int64_t from_ms, int64_t to_ms) const {
  const auto next = std::ranges::upper_bound(changes, from_ms, {}, &Change::by_ms);
  return next != changes.end() && next->after_ms < to_ms;
}

bool FaultTimeline::Track::ended_within(int64_t from_ms, int64_t to_ms) const {
  return std::ranges::any_of(changes, [&](const Change& change) {
    return change.state == State::kOff && change.by_ms > from_ms && change.by_ms <= to_ms;
  });
}

size_t FaultTimeline::Track::changes_until(int64_t time_ms) const {
  return static_cast<size_t>(std::ranges::upper_bound(changes, time_ms, {}, &Change::by_ms) -
                             changes.begin());
}

std::vector<Selector> FaultTimeline::selectors() {
  std::vector<Selector> selectors;
  for (const std::string_view name : {kInPlace, kActive, kHeavy}) {
    selectors.push_back({{Matcher::Kind::kEqual, "__name__", std::string(name)}});
  }
  return selectors;
}

bool FaultTimeline::ingest(const LabelSet& labels, std::span<const Sample> samples) {
  const std::string_view name = labels.get("__name__");
  if (name != kInPlace && name != kActive && name != kHeavy) return false;
  const LabelSet identified = normalise_identity(labels);
  std::vector<LabelSet::Pair> pairs = identified.pairs();
  std::erase_if(pairs, [](const LabelSet::Pair& pair) { return pair.first == "__name__"; });
  const LabelSet target(std::move(pairs));
  Track* track = nullptr;
  if (name == kHeavy) {
    track = &heavy_[target];
  } else {
    Fault& fault = faults_[target];
    fault.label = fmt::format("{}/{}", target_name(target), target.get("fault"));
    track = name == kInPlace ? &fault.in_place : &fault.active;
  }
  for (const Sample& sample : samples) track->add(sample, step_ms_);
  return true;
}

Moment FaultTimeline::at(int64_t from_ms, int64_t to_ms, int64_t settle_ms) const {
  std::set<std::string> labels;
  bool straddles = false;
  bool unknown = false;
  bool proven = true;
  bool settling = false;
  size_t faults_until = 0;
  size_t heavy_until = 0;
  for (const auto& [target, fault] : faults_) {
    const State active = fault.active.at(to_ms, step_ms_);
    // An injector that does not say what is in place yet says what is proven.
    const Track& place = fault.in_place.last_ms == INT64_MIN ? fault.active : fault.in_place;
    const State in_place = place.at(to_ms, step_ms_);
    straddles =
        straddles || place.changes_within(from_ms, to_ms) || fault.active.changes_within(from_ms, to_ms);
    unknown = unknown || in_place == State::kUnknown;
    settling = settling || place.ended_within(from_ms - settle_ms, from_ms);
    faults_until += place.changes_until(to_ms);
    if (in_place != State::kOn) continue;
    labels.insert(fault.label);
    proven = proven && active == State::kOn;
  }
  bool heavy = false;
  for (const auto& [target, track] : heavy_) {
    straddles = straddles || track.changes_within(from_ms, to_ms);
    heavy = heavy || track.at(to_ms, step_ms_) == State::kOn;
    heavy_until += track.changes_until(to_ms);
  }
  Moment moment;
  moment.label = !labels.empty() ? *labels.begin() : heavy ? "heavy workload" : "normal";
  // Within an injection the load may change; between two a change makes another stretch.
  moment.stretch =
      labels.empty() ? fmt::format("{} {}", faults_until, heavy_until) : fmt::format("{}", faults_until);
  if (unknown) {
    moment.left_out = LeftOut::kUnknown;
  } else if (straddles) {
    moment.left_out = LeftOut::kStraddles;
  } else if (labels.size() > 1) {
    moment.left_out = LeftOut::kSeveral;
  } else if (!labels.empty() && !proven) {
    moment.left_out = LeftOut::kUnproven;
  } else if (labels.empty() && settling) {
    moment.left_out = LeftOut::kSettling;
  }
  return moment;
}

}  // namespace sonde::analyzer
