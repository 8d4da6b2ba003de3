#include "analyzer/detectors/replica.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "analyzer/algorithms/replica_distance.h"

namespace sonde::analyzer {
namespace {

/// The newest columns of the rows, one after the other; empty where a row lacks the quantity.
std::vector<double> windows_of(const Frame& frame, const std::vector<size_t>& rows, size_t columns) {
  std::vector<double> windows;
  for (const size_t row : rows) {
    const std::span<const double> recent = frame.row(row).last(columns);
    if (std::ranges::all_of(recent, is_gap)) return {};
    windows.insert(windows.end(), recent.begin(), recent.end());
  }
  return windows;
}

/// The largest of the others' distances.
double farthest_other(const std::vector<double>& distances, size_t self) {
  double largest = 0;
  for (size_t i = 0; i < distances.size(); ++i) {
    if (i != self) largest = std::max(largest, distances[i]);
  }
  return largest;
}

}  // namespace

double ReplicaDetector::threshold_beside(double farthest_sibling) const {
  return std::max(options_.minimum_distance, options_.ratio * farthest_sibling);
}

std::vector<Score> ReplicaDetector::evaluate(const DetectorInput& input) {
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> by_service;
  for (size_t row = 0; row < input.entities.size(); ++row) {
    const Entity& entity = input.entities[row];
    if (!entity.container.empty()) by_service[{entity.name_space, entity.service}].push_back(row);
  }
  std::vector<Score> scores;
  for (const auto& [service, rows] : by_service) {
    if (rows.size() < 2) continue;
    std::ranges::move(compare(input, rows), std::back_inserter(scores));
  }
  return scores;
}

std::vector<Score> ReplicaDetector::compare(const DetectorInput& input,
                                            const std::vector<size_t>& rows) const {
  std::vector<Score> scores(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    scores[i].detector = kName;
    scores[i].entity = input.entities[rows[i]];
    scores[i].threshold = options_.minimum_distance;
  }
  for (const auto& [quantity, frame] : input.containers) {
    const auto traits = input.traits.find(quantity);
    if (traits == input.traits.end() || traits->second.role != Role::kCause) continue;
    const size_t columns = std::min(options_.columns, frame.columns);
    if (columns == 0) continue;
    std::vector<double> windows = windows_of(frame, rows, columns);
    if (windows.empty()) continue;
    normalise_together(windows, rows.size(),
                       {.relative = options_.relative_floor, .absolute = traits->second.floor});
    const std::vector<double> distances = mean_distances(windows, rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      Score& score = scores[i];
      Evidence& evidence = score.evidence.emplace_back();
      evidence.quantity = quantity;
      evidence.series = frame.series[rows[i]].text();
      evidence.start_ms = frame.time_ms(frame.columns - columns);
      evidence.end_ms = input.now_ms;
      evidence.value = distances[i];
      evidence.expected = farthest_other(distances, i);
      evidence.unit = "interquartile ranges";
      const double threshold = threshold_beside(evidence.expected);
      const bool first = score.evidence.size() == 1;
      if (first || distances[i] / threshold > score.value / score.threshold) {
        score.value = distances[i];
        score.threshold = threshold;
      }
    }
  }
  for (Score& score : scores) {
    // The quantity that the score is of comes first.
    std::ranges::stable_sort(score.evidence, std::greater<>(), [&](const Evidence& evidence) {
      return evidence.value / threshold_beside(evidence.expected);
    });
    if (rows.size() == 2) {
      score.inconclusive = score.value > options_.minimum_distance;
      if (score.inconclusive) score.reason = "two replicas differ: each is equally far from the other";
    } else {
      score.anomalous = score.value > score.threshold;
    }
    if (score.evidence.empty()) {
      score.inconclusive = true;
      score.reason = "no quantity that every replica has";
    }
  }
  return scores;
}

}  // namespace sonde::analyzer
