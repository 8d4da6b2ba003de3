#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
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
  kUnknown,         ///< the injector was not scraped while a fault was in place
  kSeveral,         ///< several faults at once
  kUnproven,        ///< in place, but its effect was not measured yet, or never
  kSettling,        ///< shortly after the end of a fault
  kMissingFeature,  ///< a feature has no value
};
inline constexpr LeftOut kLeftOut[] = {LeftOut::kStraddles, LeftOut::kUnknown,  LeftOut::kSeveral,
                                       LeftOut::kUnproven,  LeftOut::kSettling, LeftOut::kMissingFeature};

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

  /// The series that say it.
  static std::vector<Selector> selectors();
  /// Takes samples of one, ascending, those not newer than what is known are passed over; false: it is none
  /// of them.
  bool ingest(const LabelSet& labels, std::span<const Sample> samples);

  /// Of a row whose values were made of (from_ms, to_ms]. `settle_ms`: so long after an end a service is not
  /// back to normal.
  [[nodiscard]] Moment at(int64_t from_ms, int64_t to_ms, int64_t settle_ms) const;

 private:
  enum class State { kOff, kOn, kUnknown };
  /// The state since a moment in (after_ms, by_ms].
  struct Change {
    int64_t after_ms = 0;
    int64_t by_ms = 0;
    State state = State::kOff;
  };
  /// One series.
  struct Track {
    std::vector<Change> changes;
    int64_t last_ms = INT64_MIN;

    void add(const Sample& sample, int64_t step_ms);
    [[nodiscard]] State at(int64_t time_ms, int64_t step_ms) const;
    /// Any change that may have happened in (from_ms, to_ms].
    [[nodiscard]] bool changes_within(int64_t from_ms, int64_t to_ms) const;
    [[nodiscard]] bool ended_within(int64_t from_ms, int64_t to_ms) const;
    [[nodiscard]] size_t changes_until(int64_t time_ms) const;
  };
  struct Fault {
    std::string label;  ///< `SERVICE/FAULT`
    Track in_place;
    Track active;
  };

  int64_t step_ms_;
  std::map<LabelSet, Fault> faults_;  ///< by what identifies the target and the fault
  std::map<LabelSet, Track> heavy_;
};

}  // namespace sonde::analyzer
