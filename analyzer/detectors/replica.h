#pragma once

#include <string_view>

#include "analyzer/detectors/detector.h"

namespace sonde::analyzer {

struct ReplicaOptions {
  size_t columns = 20;           ///< samples that are compared, the newest ones
  double relative_floor = 0.02;  ///< of |median|, below which no interquartile range falls
  double ratio = 1.5;            ///< the odd replica's distance over the next one's, at least
  double minimum_distance = 3;   ///< in interquartile ranges; below it replicas count as alike
};

/// How far each replica of a service is from its siblings: mean DTW distance over the last columns of every
/// quantity with role "cause", normalised over all replicas together (docs/detectors.md, "replica_distance").
///
/// A container's score is its distance in the quantity where it stands out most; the threshold is what it
/// would have to pass: ratio times the farthest sibling, and the minimum distance. The evidence lists every
/// quantity that could be compared, that one first. Two replicas are always
/// equally far: inconclusive as soon as they differ. A service of one container gets no score.
/// Threads: one.
class ReplicaDetector : public Detector {
 public:
  static constexpr std::string_view kName = "replica_distance";

  explicit ReplicaDetector(const ReplicaOptions& options) : options_(options) {}
  std::vector<Score> evaluate(const DetectorInput& input) override;

 private:
  /// The scores of the containers in `rows`, which are replicas of one service.
  [[nodiscard]] std::vector<Score> compare(const DetectorInput& input, const std::vector<size_t>& rows) const;

  /// What a distance has to pass.
  [[nodiscard]] double threshold_beside(double farthest_sibling) const;

  ReplicaOptions options_;
};

}  // namespace sonde::analyzer
