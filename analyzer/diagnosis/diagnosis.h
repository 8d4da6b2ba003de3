#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/detectors/detector.h"
#include "analyzer/diagnosis/fleet.h"
#include "analyzer/report/report.h"

namespace sonde::analyzer {

struct DiagnosisOptions {
  /// Deviations by which a quantity must exceed what the load explains before its container can be named.
  double minimum_strength = 10;
  /// The strongest container's strength over the next one's; below it nobody is named (inconclusive).
  double clear_ratio = 1.5;
  size_t debounce_needed = 2;  ///< of the last …
  size_t debounce_of = 3;      ///< … columns must name a container before the finding is published
  FleetOptions fleet;
};

/// What the scores of the columns so far come to.
struct Verdict {
  std::vector<Finding> findings;
  FleetState fleet;
};

/// Weighs the detectors' scores into findings (docs/detectors.md, "diagnosis"): one culprit at a time, the
/// container whose own doing grew most beyond what the load, the machine and lost replicas explain. Others
/// that moved less by clear_ratio are taken for its victims. Assumes one fault at a time, and says so where
/// two containers moved alike.
/// Threads: one. Columns come once, in order.
class Diagnosis {
 public:
  explicit Diagnosis(const DiagnosisOptions& options) : options_(options) {}

  /// The verdict on the last column of the input, given all detectors' scores for it.
  Verdict judge(const DetectorInput& input, std::span<const Score> scores);

 private:
  /// A container that moved beyond explanation in one column.
  struct Candidate {
    Entity entity;
    std::string quantity;
    double strength = 0;   ///< deviations beyond what is explained
    double explained = 1;  ///< the factor that was explained
  };
  /// One column's opinion.
  struct Vote {
    int64_t time_ms = 0;
    std::vector<Candidate> candidates;  ///< strongest first
    bool clear = false;                 ///< the first one stands out
  };

  [[nodiscard]] std::optional<Candidate> candidate_of(const DetectorInput& input, const Score& score,
                                                      const Fleet& fleet) const;
  [[nodiscard]] Vote vote(const DetectorInput& input, std::span<const Score> scores,
                          const Fleet& fleet) const;
  [[nodiscard]] std::optional<Entity> named() const;
  Finding culprit(const DetectorInput& input, std::span<const Score> scores, const Entity& entity);
  [[nodiscard]] std::vector<Finding> undecided(const DetectorInput& input,
                                               std::span<const Score> scores) const;

  DiagnosisOptions options_;
  std::deque<Vote> votes_;
  std::deque<FleetState> fleet_states_;
  /// A container that is named in column after column.
  struct Episode {
    std::string fault;     ///< as it was first told: an alert keeps its labels
    int64_t since_ms = 0;  ///< the first column that showed it
  };
  std::map<Entity, Episode> episodes_;  ///< of the containers named now
};

}  // namespace sonde::analyzer
