#include "analyzer/diagnosis/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/detectors/replica.h"
#include "analyzer/detectors/zscore.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kEvidenceShown = 5;

const Score* score_of(std::span<const Score> scores, std::string_view detector, const Entity& entity) {
  const auto found = std::ranges::find_if(
      scores, [&](const Score& score) { return score.detector == detector && score.entity == entity; });
  return found == scores.end() ? nullptr : &*found;
}

/// The last columns of the entity's row.
void add_points(const DetectorInput& input, const Entity& entity, Evidence& evidence) {
  const auto frame = input.containers.find(evidence.quantity);
  const auto row = std::ranges::find(input.entities, entity);
  if (frame == input.containers.end() || row == input.entities.end()) return;
  const std::span<const double> points = frame->second.row(static_cast<size_t>(row - input.entities.begin()));
  evidence.points.assign(points.begin(), points.end());
  evidence.step_ms = frame->second.step_ms;
}

bool siblings(const Entity& a, const Entity& b) {
  return a != b && a.name_space == b.name_space && a.service == b.service && !b.container.empty();
}

}  // namespace

void attach_evidence(const DetectorInput& input, std::span<const Score> scores, Finding& finding) {
  if (const Score* own = score_of(scores, ZscoreDetector::kName, finding.entity)) {
    finding.evidence = own->evidence;
    std::ranges::stable_partition(finding.evidence,
                                  [&](const Evidence& one) { return one.quantity == finding.fault; });
    if (finding.evidence.size() > kEvidenceShown) finding.evidence.resize(kEvidenceShown);
    for (Evidence& evidence : finding.evidence) add_points(input, finding.entity, evidence);
  }
  for (const Score& score : scores) {
    if (score.detector != ZscoreDetector::kName || !siblings(finding.entity, score.entity)) continue;
    for (const Evidence& evidence : score.evidence) {
      if (evidence.quantity != finding.fault) continue;
      finding.replicas.push_back(evidence);
      add_points(input, score.entity, finding.replicas.back());
    }
  }
}

std::string explain_culprit(const DetectorInput& input, std::span<const Score> scores, const Finding& finding,
                            double explained) {
  std::string text;
  const Entity& entity = finding.entity;
  const std::string& name = entity.container.empty() ? entity.pod : entity.container;
  if (!finding.evidence.empty()) {
    const Evidence& top = finding.evidence.front();
    text = fmt::format("{} of {} is {:.3g} {}, expected {:.3g}", top.quantity, name, top.value, top.unit,
                       top.expected);
    if (explained > 1.05) text += fmt::format(" (up to {:.3g} with the load)", top.expected * explained);
  } else {
    text = fmt::format("{} of {} stood out in the columns before", finding.fault, name);
  }
  const auto replicas =
      1 + std::ranges::count_if(input.entities, [&](const Entity& e) { return siblings(entity, e); });
  if (replicas == 1) return text + fmt::format("; it is the only container of {}", entity.service);
  const Score* distance = score_of(scores, ReplicaDetector::kName, entity);
  if (distance != nullptr && distance->anomalous && !distance->evidence.empty()) {
    const Evidence& farthest = distance->evidence.front();  // both numbers are of one quantity
    return text +
           fmt::format("; it is the odd one of {} replicas of {} (DTW distance {:.3g}, the next {:.3g})",
                       replicas, entity.service, farthest.value, farthest.expected);
  }
  return text + fmt::format("; one of {} replicas of {}, by its own past (their distances do not decide)",
                            replicas, entity.service);
}

}  // namespace sonde::analyzer
