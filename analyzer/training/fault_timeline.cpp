#include "analyzer/training/fault_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analyzer/series/identity_labels.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kInPlace = "sonde_fault_in_place";
constexpr std::string_view kActive = "sonde_fault_active";
constexpr std::string_view kLevel = "sonde_fault_level_ratio";
constexpr std::string_view kStart = "sonde_fault_start_timestamp_seconds";
constexpr std::string_view kEnd = "sonde_fault_end_timestamp_seconds";
constexpr std::string_view kHeavy = "sonde_workload_heavy";
constexpr std::string_view kHeavyAsked = "sonde_workload_heavy_asked";
constexpr double kLeastLevel = 0.5;
constexpr double kLeastState = 1;

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
    case LeftOut::kElsewhere:
      return "a fault in another namespace";
    case LeftOut::kWeak:
      return "a shape below half of its level";
    case LeftOut::kUnproven:
      return "effect not proven";
    case LeftOut::kSettling:
      return "settling after a fault";
    case LeftOut::kMissingFeature:
      return "missing feature";
  }
  return "";
}

void FaultTimeline::Track::add(const Sample& sample, int64_t step_ms, double least) {
  if (sample.timestamp_ms <= last_ms) return;
  const auto state = [this] { return changes.empty() ? State::kOff : changes.back().state; };
  const bool hole = exists() && sample.timestamp_ms - last_ms > kHoleSteps * step_ms;
  if (state() == State::kOn && (hole || is_stale(sample.value))) {
    // A scrape failed, or the injector is gone: whether the fault is, this series does not say.
    changes.push_back({last_ms, last_ms + 1, State::kUnknown});
  }
  if (is_stale(sample.value)) return;
  first_ms = std::min(first_ms, sample.timestamp_ms);
  const State now = sample.value >= least ? State::kOn : State::kOff;
  if (state() == State::kUnknown && now == State::kOn && !hole) {
    changes.pop_back();  // a few scrapes failed meanwhile
  } else if (now != state()) {
    // What is on when it is first seen was not there at the scrape before.
    const bool known_before = exists() && !hole && state() != State::kUnknown;
    changes.push_back({known_before ? last_ms : sample.timestamp_ms - step_ms, sample.timestamp_ms, now});
  }
  last_ms = sample.timestamp_ms;
}

FaultTimeline::State FaultTimeline::Track::at(int64_t time_ms, int64_t step_ms) const {
  const auto next = std::ranges::upper_bound(changes, time_ms, {}, &Change::by_ms);
  if (next == changes.begin()) return State::kOff;
  const Change& change = *(next - 1);
  State state = change.state;
  if (state == State::kOn && next == changes.end() && time_ms - last_ms > kHoleSteps * step_ms) {
    state = State::kUnknown;
  }
  if (state != State::kUnknown) return state;
  // The page was scraped again and says nothing of it: a new injector, so the one before is gone.
  const auto again = scrapes->upper_bound(next == changes.end() ? last_ms : change.by_ms);
  return again != scrapes->end() && *again <= time_ms ? State::kOff : State::kUnknown;
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

size_t FaultTimeline::Track::turns_until(int64_t time_ms) const {
  size_t turns = 0;
  State known = State::kOff;
  for (const Change& change : changes) {
    if (change.by_ms > time_ms) break;
    if (change.state == State::kUnknown || change.state == known) continue;
    known = change.state;
    ++turns;
  }
  return turns;
}

bool FaultTimeline::Fault::was_there(int64_t from_ms, int64_t to_ms) const {
  return std::ranges::any_of(starts, [&](int64_t start_ms) {
    const auto end = ends.lower_bound(start_ms);
    return end != ends.end() && start_ms < to_ms && *end > from_ms;
  });
}

std::vector<Selector> FaultTimeline::selectors() {
  std::vector<Selector> selectors;
  for (const std::string_view name : {kInPlace, kActive, kLevel, kStart, kEnd, kHeavy, kHeavyAsked}) {
    selectors.push_back({{Matcher::Kind::kEqual, "__name__", std::string(name)}});
  }
  return selectors;
}

bool FaultTimeline::ingest(const LabelSet& labels, std::span<const Sample> samples) {
  const std::string_view name = labels.get("__name__");
  static constexpr std::string_view kNames[] = {kInPlace, kActive, kLevel, kStart, kEnd, kHeavy, kHeavyAsked};
  if (std::ranges::find(kNames, name) == std::end(kNames)) return false;
  Scrapes& scrapes = scrapes_[fmt::format("{} {}", labels.get("job"), labels.get("instance"))];
  for (const Sample& sample : samples) {
    if (!is_stale(sample.value)) scrapes.insert(sample.timestamp_ms);
  }
  const LabelSet identified = normalise_identity(labels);
  std::vector<LabelSet::Pair> pairs = identified.pairs();
  std::erase_if(pairs, [](const LabelSet::Pair& pair) { return pair.first == "__name__"; });
  const LabelSet target(std::move(pairs));
  if (name == kHeavy || name == kHeavyAsked) {
    add_states((name == kHeavy ? heavy_ : heavy_asked_)[target], samples, scrapes, kLeastState);
    return true;
  }
  Fault& fault = faults_[target];
  fault.label = fmt::format("{}/{}", target_name(target), target.get("fault"));
  fault.name_space = target.get("namespace");
  if (name == kStart || name == kEnd) {
    std::set<int64_t>& times = name == kStart ? fault.starts : fault.ends;
    for (const Sample& sample : samples) {
      if (!is_stale(sample.value)) times.insert(static_cast<int64_t>(sample.value * 1000));
    }
  } else if (name == kLevel) {
    add_states(fault.level, samples, scrapes, kLeastLevel);
  } else {
    add_states(name == kInPlace ? fault.in_place : fault.active, samples, scrapes, kLeastState);
  }
  return true;
}

void FaultTimeline::add_states(Track& track, std::span<const Sample> samples, const Scrapes& scrapes,
                               double least) const {
  track.scrapes = &scrapes;
  for (const Sample& sample : samples) track.add(sample, step_ms_, least);
}

FaultTimeline::Moments FaultTimeline::moments(int64_t from_ms, int64_t to_ms, int64_t settle_ms,
                                              std::string_view name_space) const {
  Moments all;
  for (const auto& [target, fault] : faults_) {
    const Track& place = fault.place();
    const State in_place = place.at(to_ms, step_ms_);
    all.straddles = all.straddles || place.changes_within(from_ms, to_ms) ||
                    fault.active.changes_within(from_ms, to_ms) ||
                    (in_place == State::kOn && fault.level.changes_within(from_ms, to_ms));
    all.unknown =
        all.unknown || in_place == State::kUnknown || place.at(from_ms, step_ms_) == State::kUnknown;
    all.missed = all.missed || (in_place == State::kOff && fault.was_there(from_ms, to_ms));
    if (place.ended_within(from_ms - settle_ms, from_ms) ||
        place.at(from_ms - settle_ms, step_ms_) == State::kUnknown) {
      all.settling.insert(fault.label);
    }
    all.turns += place.turns_until(to_ms);
    if (in_place != State::kOn) continue;
    all.labels.insert(fault.label);
    all.elsewhere = all.elsewhere || (!name_space.empty() && fault.name_space != name_space);
    all.weak = all.weak || (fault.level.exists() && fault.level.at(to_ms, step_ms_) != State::kOn);
    all.proven = all.proven && fault.active.at(to_ms, step_ms_) == State::kOn;
  }
  return all;
}

Moment FaultTimeline::at(int64_t from_ms, int64_t to_ms, int64_t settle_ms,
                         std::string_view name_space) const {
  Moments all = moments(from_ms, to_ms, settle_ms, name_space);
  bool heavy = false;
  size_t heavy_turns = 0;
  for (const auto& [target, track] : heavy_) {
    const State state = track.at(to_ms, step_ms_);
    all.straddles = all.straddles || track.changes_within(from_ms, to_ms);
    all.unknown = all.unknown || state == State::kUnknown;
    heavy = heavy || state == State::kOn;
    // A phase that is answered a little too little for a while is one all the same.
    const auto asked = heavy_asked_.find(target);
    const int64_t asked_from_ms = asked == heavy_asked_.end() ? INT64_MAX : asked->second.first_ms;
    heavy_turns += track.turns_until(std::min(to_ms, asked_from_ms));
    if (asked != heavy_asked_.end()) heavy_turns += asked->second.turns_until(to_ms);
  }
  bool asked = false;
  for (const auto& [target, track] : heavy_asked_) {
    all.straddles = all.straddles || track.changes_within(from_ms, to_ms);
    asked = asked || track.at(to_ms, step_ms_) == State::kOn;
  }
  const bool quiet = all.labels.empty();
  // Of the same fault, in another replica or again, what is left behind is more of it.
  if (!quiet) all.settling.erase(*all.labels.begin());
  Moment moment;
  moment.label = !quiet ? *all.labels.begin() : heavy ? "heavy workload" : "normal";
  // Within an injection the load may change; between two a change makes another stretch.
  moment.stretch = quiet ? fmt::format("{} {}", all.turns, heavy_turns) : fmt::format("{}", all.turns);
  const std::pair<bool, LeftOut> reasons[] = {
      {all.unknown, LeftOut::kUnknown},     {all.straddles, LeftOut::kStraddles},
      {all.missed, LeftOut::kUnknown},      {all.labels.size() > 1, LeftOut::kSeveral},
      {all.elsewhere, LeftOut::kElsewhere}, {quiet ? asked && !heavy : !all.proven, LeftOut::kUnproven},
      {!quiet && all.weak, LeftOut::kWeak}, {!all.settling.empty(), LeftOut::kSettling},
  };
  const auto* const reason = std::ranges::find(reasons, true, &std::pair<bool, LeftOut>::first);
  if (reason != std::end(reasons)) moment.left_out = reason->second;
  return moment;
}

}  // namespace sonde::analyzer
