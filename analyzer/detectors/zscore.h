#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/algorithms/causal_threshold.h"
#include "analyzer/algorithms/z_score.h"
#include "analyzer/detectors/detector.h"

namespace sonde::analyzer {

struct ZscoreOptions {
  double relative_floor = 0.02;  ///< of |median|, below which no deviation falls
  size_t history_columns = 300;  ///< accepted columns that the baseline is learned from
  size_t settle_columns = 3;     ///< first columns of an entity that are not learned: it is starting up
  size_t minimum_columns = 15;   ///< below this many there is no baseline: inconclusive
  size_t relearn_columns = 900;  ///< flagged without pause for this long: that is the new normal
  CausalThresholdOptions threshold;
};

/// The mean squared z-score of each container over its quantities with role "cause", against a baseline
/// learned from its own past columns, with a causally re-estimated threshold (docs/detectors.md, "zscore").
///
/// The evidence of a score lists every quantity that has a baseline, strongest first; those with role
/// "symptom" too, with contribution 0.
/// Threads: one. REQUIRES: the same set of quantities in every input.
class ZscoreDetector : public Detector {
 public:
  static constexpr std::string_view kName = "zscore";

  explicit ZscoreDetector(const ZscoreOptions& options) : options_(options) {}
  std::vector<Score> evaluate(const DetectorInput& input) override;

 private:
  /// What is accepted of one quantity of one entity.
  struct History {
    std::vector<double> values;  ///< a ring once it is full
    size_t oldest = 0;
    size_t accepted = 0;      ///< ever
    size_t estimated_at = 0;  ///< `accepted` when the baseline was last estimated
    Baseline baseline;
    std::string series;
  };
  /// A column on which the filter has not decided yet.
  struct Column {
    std::vector<double> values;  ///< by quantity
    double score = 0;
    bool flagged = false;
  };
  struct State {
    std::vector<History> histories;  ///< by quantity
    CausalThreshold threshold;
    AcceptanceFilter filter;
    std::vector<Column> pending;
    size_t columns = 0;
    size_t flagged_in_a_row = 0;
    int64_t last_seen_ms = 0;
  };

  [[nodiscard]] Score score_entity(const DetectorInput& input, size_t row, const Column& column,
                                   const State& state) const;
  /// Says why a score is none.
  void set_learning(Score& score, const DetectorInput& input, const State& state) const;
  void learn(const DetectorInput& input, size_t row, State& state, Column column);
  void accept(History& history, double value, double floor);
  State& state_of(const DetectorInput& input, size_t row);

  ZscoreOptions options_;
  std::map<Entity, State> states_;
  std::vector<double> scratch_;
};

}  // namespace sonde::analyzer
