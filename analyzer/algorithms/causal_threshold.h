#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace sonde::analyzer {

struct CausalThresholdOptions {
  double quantile = 0.997;     ///< of the accepted scores
  size_t small_sample = 333;   ///< below this many scores the quantile would be their maximum
  double small_margin = 2;     ///< … so the maximum times this is used instead
  size_t minimum = 10;         ///< below this many there is no estimate yet
  double before_minimum = 25;  ///< … and this counts: a root mean square z-score of 5
  size_t capacity = 2000;      ///< scores remembered; the oldest is forgotten
};

/// The threshold above which a score is anomalous, re-estimated from past scores only.
///
/// Add a score after it was compared, and only if AcceptanceFilter accepts it: a fault must not raise the bar
/// for itself. One that was above the threshold goes through add_exceedance().
/// Source: De Silva et al. 2022 (99.7th percentile of the normal scores), made causal because a fixed one
/// fails on machines that drift.
class CausalThreshold {
 public:
  CausalThreshold() = default;
  explicit CausalThreshold(const CausalThresholdOptions& options) : options_(options) {}

  /// The threshold for the next score.
  [[nodiscard]] double value() const;
  /// Whether it rests on scores rather than on `before_minimum`.
  [[nodiscard]] bool learned() const { return sorted_.size() >= options_.minimum; }
  /// Takes in a normal score. REQUIRES: not NaN. Cost: O(capacity) moves of a double.
  void add(double score);
  /// Takes in a lone score above the threshold, lowered so that value() grows to kLargestRise times itself at
  /// most: the tail stays in the estimate and a bar that is too low rises, but no single spike moves it out
  /// of a fault's reach.
  void add_exceedance(double score);
  [[nodiscard]] size_t size() const { return sorted_.size(); }

  static constexpr double kLargestRise = 1.5;

 private:
  [[nodiscard]] bool small_sample() const { return sorted_.size() < options_.small_sample; }

  CausalThresholdOptions options_;
  std::deque<double> in_order_;
  std::vector<double> sorted_;
};

/// Decides which columns may teach what is normal: a flagged column does not if another flagged one stands
/// within kDelay columns of it. A lone exceedance does, through CausalThreshold::add_exceedance(): it is the
/// tail that the quantile counts on. Without it each re-estimate would cut the tail off anew and the
/// threshold would sink for ever.
class AcceptanceFilter {
 public:
  static constexpr size_t kDelay = 2;

  /// Tells whether the newest column was flagged; returns the word on the one kDelay columns before it, or
  /// nothing while there is none.
  std::optional<bool> push(bool flagged);

 private:
  std::array<bool, 2 * kDelay + 1> flags_{};  ///< the newest last
  size_t seen_ = 0;
};

}  // namespace sonde::analyzer
