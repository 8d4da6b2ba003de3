#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "analyzer/series/label_set.h"
#include "analyzer/series/sample.h"
#include "analyzer/source/source.h"

namespace sonde::analyzer {

/// Scrapes of the injector that may fail in a row.
inline constexpr int64_t kHoleSteps = 4;

/// Why a row is no example of anything.
enum class LeftOut {
  kNone,
  kStraddles,       ///< a fault or the load changed while the row's values were made
  kUnknown,         ///< the injector was not scraped while a fault was, or may have been, in place
  kSeveral,         ///< several faults at once
  kElsewhere,       ///< a fault in another namespace
  kWeak,            ///< a shape is below half of its level
  kUnproven,        ///< in place, but its effect was not measured yet, or never
  kSettling,        ///< shortly after the end of a fault: quiet or the next fault still shows it
  kMissingFeature,  ///< a feature has no value
};
inline constexpr LeftOut kLeftOut[] = {LeftOut::kStraddles, LeftOut::kUnknown,       LeftOut::kSeveral,
                                       LeftOut::kElsewhere, LeftOut::kWeak,          LeftOut::kUnproven,
                                       LeftOut::kSettling,  LeftOut::kMissingFeature};

/// For people: "effect not proven".
std::string_view left_out_text(LeftOut why);

/// What was going on while a row's values were made.
struct Moment {
  LeftOut left_out = LeftOut::kNone;
  std::string label;    ///< `normal`, `heavy workload`, `SERVICE/FAULT`
  std::string stretch;  ///< the same for all moments of one injection, or of one pause between two
};

/// When which fault was in place, from the series of sonde-inject.
///
/// Threads: one.
class FaultTimeline {
 public:
  /// `step_ms`: between scrapes of the injector. After kHoleSteps of them without a sample nobody knows
  /// whether the fault is still in place.
  explicit FaultTimeline(int64_t step_ms) : step_ms_(step_ms) {}
  FaultTimeline(const FaultTimeline&) = delete;  // its tracks point into it; what is moved keeps its place
  FaultTimeline& operator=(const FaultTimeline&) = delete;
  FaultTimeline(FaultTimeline&&) = default;
  FaultTimeline& operator=(FaultTimeline&&) = default;
  ~FaultTimeline() = default;

  /// The series that say it.
  static std::vector<Selector> selectors();
  /// Takes samples of one, ascending, those not newer than what is known are passed over; false: it is none
  /// of them.
  bool ingest(const LabelSet& labels, std::span<const Sample> samples);

  /// Of a row whose values were made of (from_ms, to_ms]. `settle_ms`: so long after an end a service is not
  /// back to normal, and neither quiet nor another fault looks like itself. `name_space`: the only one that
  /// the rows are of, "" for all.
  [[nodiscard]] Moment at(int64_t from_ms, int64_t to_ms, int64_t settle_ms,
                          std::string_view name_space = "") const;
  /// That there was any series that says what was in place.
  [[nodiscard]] bool knows_faults() const { return !faults_.empty(); }

 private:
  enum class State { kOff, kOn, kUnknown };
  /// The state since a moment in (after_ms, by_ms].
  struct Change {
    int64_t after_ms = 0;
    int64_t by_ms = 0;
    State state = State::kOff;
  };
  /// The times of an injector's scrapes that succeeded: what its page lacks then is not in place.
  using Scrapes = std::set<int64_t>;
  /// One series.
  struct Track {
    std::vector<Change> changes;
    int64_t first_ms = INT64_MAX;
    int64_t last_ms = INT64_MIN;
    const Scrapes* scrapes = nullptr;  ///< of the page that it stands on

    /// The state is on from `least` on.
    void add(const Sample& sample, int64_t step_ms, double least);
    [[nodiscard]] bool exists() const { return last_ms != INT64_MIN; }
    [[nodiscard]] State at(int64_t time_ms, int64_t step_ms) const;
    /// Any change that may have happened in (from_ms, to_ms].
    [[nodiscard]] bool changes_within(int64_t from_ms, int64_t to_ms) const;
    [[nodiscard]] bool ended_within(int64_t from_ms, int64_t to_ms) const;
    /// How often it went on or off; what is not known in between counts as no change.
    [[nodiscard]] size_t turns_until(int64_t time_ms) const;
  };
  struct Fault {
    std::string label;  ///< `SERVICE/FAULT`
    std::string name_space;
    Track in_place;
    Track active;
    Track level;               ///< on from half of what is asked for
    std::set<int64_t> starts;  ///< as the injector itself says, scraped or not
    std::set<int64_t> ends;

    /// An injector that does not say what is in place yet says what is proven.
    [[nodiscard]] const Track& place() const { return in_place.exists() ? in_place : active; }
    [[nodiscard]] bool was_there(int64_t from_ms, int64_t to_ms) const;
  };

  /// What all faults together say of a row.
  struct Moments {
    std::set<std::string> labels;  ///< of those in place
    bool straddles = false;
    bool unknown = false;
    bool missed = false;  ///< one was there that no scrape has seen
    bool elsewhere = false;
    bool weak = false;
    bool proven = true;
    std::set<std::string> settling;  ///< labels of those that ended shortly before
    size_t turns = 0;
  };
  [[nodiscard]] Moments moments(int64_t from_ms, int64_t to_ms, int64_t settle_ms,
                                std::string_view name_space) const;
  void add_states(Track& track, std::span<const Sample> samples, const Scrapes& scrapes, double least) const;

  int64_t step_ms_;
  std::map<LabelSet, Fault> faults_;        ///< by what identifies the target and the fault
  std::map<LabelSet, Track> heavy_;         ///< the load is heavy, as was measured
  std::map<LabelSet, Track> heavy_asked_;   ///< it should be
  std::map<std::string, Scrapes> scrapes_;  ///< by job and instance
};

}  // namespace sonde::analyzer
