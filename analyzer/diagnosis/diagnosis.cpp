#include "analyzer/diagnosis/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "analyzer/detectors/zscore.h"
#include "analyzer/diagnosis/explain.h"

namespace sonde::analyzer {

std::optional<Diagnosis::Candidate> Diagnosis::candidate_of(const DetectorInput& input, const Score& score,
                                                            const Fleet& fleet) const {
  Candidate best;
  for (const Evidence& evidence : score.evidence) {
    const auto traits = input.traits.find(evidence.quantity);
    if (traits == input.traits.end() || traits->second.role != Role::kCause) continue;
    const double factor = fleet.explained_factor(score.entity, evidence.quantity);
    const double usual = std::max(evidence.expected, evidence.expected * factor);
    double strength = (evidence.value - usual) / evidence.deviation;
    if (traits->second.cause_when_falling) {
      strength = std::max(strength, (evidence.expected / factor - evidence.value) / evidence.deviation);
    }
    if (strength > best.strength) best = {score.entity, evidence.quantity, strength, factor};
  }
  if (best.strength < options_.minimum_strength) return std::nullopt;
  return best;
}

Diagnosis::Vote Diagnosis::vote(const DetectorInput& input, std::span<const Score> scores,
                                const Fleet& fleet) const {
  Vote vote;
  vote.time_ms = input.now_ms;
  for (const Score& score : scores) {
    if (score.detector != ZscoreDetector::kName) continue;
    if (std::optional<Candidate> candidate = candidate_of(input, score, fleet)) {
      vote.candidates.push_back(std::move(*candidate));
    }
  }
  std::ranges::sort(vote.candidates, std::greater<>(), &Candidate::strength);
  if (vote.candidates.empty()) return vote;
  vote.clear = vote.candidates.size() == 1 ||
               vote.candidates[0].strength >= options_.clear_ratio * vote.candidates[1].strength;
  return vote;
}

std::optional<Entity> Diagnosis::named() const {
  std::map<Entity, size_t> counts;
  for (const Vote& vote : votes_) {
    if (!vote.clear) continue;
    const Entity& first = vote.candidates.front().entity;
    if (++counts[first] >= options_.debounce_needed) return first;
  }
  return std::nullopt;
}

Finding Diagnosis::culprit(const DetectorInput& input, std::span<const Score> scores, const Entity& entity) {
  // The newest vote for it carries the numbers; where the last column is calmer it is an older one.
  const auto is_for = [&](const Vote& vote) {
    return vote.clear && vote.candidates.front().entity == entity;
  };
  const auto latest = std::find_if(votes_.rbegin(), votes_.rend(), is_for);
  const auto first = std::ranges::find_if(votes_, is_for);
  const Candidate& candidate = latest->candidates.front();
  const double second = latest->candidates.size() > 1 ? latest->candidates[1].strength : 0;

  // Older votes are forgotten while it goes on: its beginning is kept.
  const auto [episode, is_new] = episodes_.try_emplace(entity);
  if (is_new) episode->second = {candidate.quantity, first->time_ms};
  Finding finding;
  finding.entity = entity;
  finding.fault = episode->second.fault;
  finding.since_ms = episode->second.since_ms;
  finding.confidence = candidate.strength / (candidate.strength + options_.minimum_strength) *
                       (1 - 0.5 * second / candidate.strength);
  attach_evidence(input, scores, finding);
  finding.explanation = explain_culprit(input, scores, finding, candidate.explained);
  return finding;
}

std::vector<Finding> Diagnosis::undecided(const DetectorInput& input, std::span<const Score> scores) const {
  const auto unclear =
      std::ranges::count_if(votes_, [](const Vote& vote) { return !vote.candidates.empty() && !vote.clear; });
  std::vector<Finding> findings;
  if (static_cast<size_t>(unclear) < options_.debounce_needed || votes_.back().clear) return findings;
  const std::vector<Candidate>& candidates = votes_.back().candidates;
  for (const Candidate& candidate : candidates) {
    if (candidate.strength * options_.clear_ratio < candidates.front().strength) break;
    Finding& finding = findings.emplace_back();
    finding.entity = candidate.entity;
    finding.fault = candidate.quantity;
    finding.inconclusive = true;
    finding.since_ms = votes_.back().time_ms;
    finding.explanation =
        fmt::format("inconclusive: {} containers moved about equally far, and one fault at a time is assumed",
                    std::ranges::count_if(candidates, [&](const Candidate& other) {
                      return other.strength * options_.clear_ratio >= candidates.front().strength;
                    }));
    attach_evidence(input, scores, finding);
  }
  return findings;
}

Verdict Diagnosis::judge(const DetectorInput& input, std::span<const Score> scores) {
  const Fleet fleet(scores, input.traits, options_.fleet);
  votes_.push_back(vote(input, scores, fleet));
  fleet_states_.push_back(fleet.state());
  while (votes_.size() > options_.debounce_of) votes_.pop_front();
  while (fleet_states_.size() > options_.debounce_of) fleet_states_.pop_front();

  Verdict verdict;
  verdict.fleet = fleet.state();
  const auto shifted = std::ranges::count_if(fleet_states_, &FleetState::shifted);
  const bool shifted_for_long = static_cast<size_t>(shifted) >= options_.debounce_needed;
  if (shifted_for_long && !verdict.fleet.shifted) {
    // The newest column is the one of them that does not say by how much.
    verdict.fleet =
        *std::find_if(fleet_states_.rbegin(), fleet_states_.rend(), std::mem_fn(&FleetState::shifted));
  }
  verdict.fleet.shifted = shifted_for_long;
  if (const std::optional<Entity> entity = named()) {
    std::erase_if(episodes_, [&](const auto& entry) { return entry.first != *entity; });
    verdict.findings.push_back(culprit(input, scores, *entity));
    // What moved together then is the culprit's doing: others starve while it holds the CPU.
    verdict.fleet.shifted = false;
  } else {
    episodes_.clear();
    verdict.findings = undecided(input, scores);
  }
  return verdict;
}

}  // namespace sonde::analyzer
