#include "analyzer/detectors/zscore.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace sonde::analyzer {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
/// A young baseline is estimated anew with each value, an older one with each tenth.
constexpr size_t kYoung = 60;
constexpr size_t kRefreshEvery = 10;

/// The last column of one row of every quantity, in the order of the map; empty if all are gaps.
std::vector<double> last_values(const DetectorInput& input, size_t row) {
  std::vector<double> values;
  values.reserve(input.containers.size());
  bool any = false;
  for (const auto& [quantity, frame] : input.containers) {
    values.push_back(frame.columns == 0 ? kMissing : frame.row(row).back());
    any = any || !is_gap(values.back());
  }
  if (!any) values.clear();
  return values;
}

const QuantityTraits& traits_of(const DetectorInput& input, const std::string& quantity) {
  static const QuantityTraits kDefault;
  const auto found = input.traits.find(quantity);
  return found == input.traits.end() ? kDefault : found->second;
}

/// Each one's share of the sum of squares, where it counts at all; strongest first.
void finish_evidence(std::vector<Evidence>& evidence, double square_sum) {
  for (Evidence& one : evidence) {
    if (one.contribution > 0) one.contribution = square_sum > 0 ? one.contribution / square_sum : 0;
  }
  std::ranges::stable_sort(evidence, std::greater<>(), &Evidence::contribution);
}

}  // namespace

ZscoreDetector::State& ZscoreDetector::state_of(const DetectorInput& input, size_t row) {
  State& state = states_[input.entities[row]];
  if (state.histories.size() != input.containers.size()) {
    state = State{};
    state.threshold = CausalThreshold(options_.threshold);
    state.histories.resize(input.containers.size());
  }
  state.last_seen_ms = input.now_ms;
  return state;
}

std::vector<Score> ZscoreDetector::evaluate(const DetectorInput& input) {
  std::vector<Score> scores;
  int64_t step_ms = 0;
  for (const auto& [quantity, frame] : input.containers) step_ms = std::max(step_ms, frame.step_ms);
  for (size_t row = 0; row < input.entities.size(); ++row) {
    Column column{last_values(input, row), kMissing, false};
    if (column.values.empty()) continue;
    State& state = state_of(input, row);
    Score score = score_entity(input, row, column, state);
    column.score = score.value;
    column.flagged = score.anomalous;
    learn(input, row, state, std::move(column));
    scores.push_back(std::move(score));
  }
  // A container that is long gone is forgotten; one that returns sooner keeps its baseline.
  const int64_t oldest_kept = input.now_ms - static_cast<int64_t>(options_.history_columns) * step_ms;
  std::erase_if(states_, [&](const auto& entry) { return entry.second.last_seen_ms < oldest_kept; });
  return scores;
}

Score ZscoreDetector::score_entity(const DetectorInput& input, size_t row, const Column& column,
                                   const State& state) const {
  Score score;
  score.detector = kName;
  score.entity = input.entities[row];
  std::vector<double> z_scores;
  double square_sum = 0;
  size_t q = 0;
  for (const auto& [quantity, frame] : input.containers) {
    const History& history = state.histories[q];
    const double value = column.values[q++];
    if (is_gap(value) || history.values.size() < options_.minimum_columns) continue;
    const QuantityTraits& traits = traits_of(input, quantity);
    const double z = z_score(value, history.baseline);
    Evidence& evidence = score.evidence.emplace_back();
    evidence.quantity = quantity;
    evidence.series = history.series;
    evidence.start_ms = input.now_ms - static_cast<int64_t>(history.values.size()) * frame.step_ms;
    evidence.end_ms = input.now_ms;
    evidence.value = value;
    evidence.expected = history.baseline.mean;
    evidence.deviation = history.baseline.deviation;
    evidence.unit = traits.unit;
    if (traits.role != Role::kCause) continue;
    z_scores.push_back(z);
    evidence.contribution = z * z;
    square_sum += z * z;
  }
  finish_evidence(score.evidence, square_sum);
  score.value = mean_squared(z_scores);
  score.threshold = state.threshold.value();
  if (std::isnan(score.value)) {
    score.threshold = kMissing;
    score.inconclusive = true;
    set_learning(score, input, state);
  } else {
    score.anomalous = score.value > score.threshold;
  }
  return score;
}

void ZscoreDetector::set_learning(Score& score, const DetectorInput& input, const State& state) const {
  size_t longest = 0;
  size_t q = 0;
  for (const auto& [quantity, frame] : input.containers) {
    const size_t length = state.histories[q++].values.size();
    if (traits_of(input, quantity).role == Role::kCause) longest = std::max(longest, length);
  }
  if (longest >= options_.minimum_columns) {
    score.reason = "no quantity that has a baseline has a value now";
    return;
  }
  // The first columns are let pass, then each that has a value counts once the filter has decided on it.
  const size_t before = options_.settle_columns + AcceptanceFilter::kDelay;
  score.learned = std::min(state.columns, before) + longest;
  score.needed = before + options_.minimum_columns;
  score.reason =
      "learning: " + std::to_string(score.learned) + " of " + std::to_string(score.needed) + " samples";
}

void ZscoreDetector::learn(const DetectorInput& input, size_t row, State& state, Column column) {
  const bool flagged = column.flagged;
  state.flagged_in_a_row = flagged ? state.flagged_in_a_row + 1 : 0;
  if (state.flagged_in_a_row > options_.relearn_columns) {
    state.histories.assign(input.containers.size(), History{});
    state.threshold = CausalThreshold(options_.threshold);
    state.flagged_in_a_row = 0;
  }
  ++state.columns;
  state.pending.push_back(std::move(column));
  const std::optional<bool> accepted = state.filter.push(flagged);
  if (!accepted) return;
  const Column decided = std::move(state.pending.front());
  state.pending.erase(state.pending.begin());
  if (!*accepted || state.columns <= options_.settle_columns + AcceptanceFilter::kDelay) return;
  if (decided.flagged) {
    // Nobody knows yet what it was. Its values as they are would widen the baseline until a fault of that
    // size passes for normal.
    state.threshold.add_exceedance(decided.score);
    return;
  }
  if (!std::isnan(decided.score)) state.threshold.add(decided.score);
  size_t q = 0;
  for (const auto& [quantity, frame] : input.containers) {
    History& history = state.histories[q];
    if (history.series.empty()) history.series = frame.series[row].text();
    accept(history, decided.values[q++], traits_of(input, quantity).floor);
  }
}

void ZscoreDetector::accept(History& history, double value, double floor) {
  if (is_gap(value)) return;
  if (history.values.size() < options_.history_columns) {
    history.values.push_back(value);
  } else {
    history.values[history.oldest] = value;
    history.oldest = (history.oldest + 1) % history.values.size();
  }
  ++history.accepted;
  const bool young = history.values.size() < kYoung;
  if (!young && history.accepted - history.estimated_at < kRefreshEvery) return;
  scratch_ = history.values;
  history.baseline = estimate_baseline(scratch_, {.relative = options_.relative_floor, .absolute = floor});
  history.estimated_at = history.accepted;
}

}  // namespace sonde::analyzer
