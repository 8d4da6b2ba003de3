#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analyzer/algorithms/z_score.h"

namespace sonde::analyzer {

/// Normalises the windows of all replicas together: (x - median) / max(interquartile range, floors), median
/// and range over all values of all replicas. Each by itself would remove what tells replicas apart.
///
/// Shape: `windows` holds replicas × length values, row-major; changed in place. NaN (a gap) takes the value
/// before it, at the beginning the first one after it. REQUIRES: every row has at least one value.
void normalise_together(std::span<double> windows, size_t replicas, const DeviationFloors& floors);

/// The mean DTW distance of each replica to the others.
///
/// Shape: as above; the result has one value a replica. REQUIRES: replicas >= 2.
/// Unit: that of the values (interquartile ranges, after normalise_together). Cost: replicas² / 2 DTWs.
/// Source: Du, Xie, He 2018, section on diagnosis (total distance; divided by replicas - 1 here).
std::vector<double> mean_distances(std::span<const double> windows, size_t replicas);

/// Which replica is the odd one.
struct OddReplica {
  size_t index = 0;  ///< of the largest distance
  double distance = 0;
  double second = 0;        ///< the largest distance of the others
  bool equally_far = true;  ///< distance < ratio * second: no verdict
};

/// Names the replica with the largest distance if it is at least `ratio` times the next one's. Two replicas
/// are always equally far from each other. With n replicas of which one is odd the ratio tends to n - 1.
OddReplica find_odd_replica(std::span<const double> distances, double ratio);

}  // namespace sonde::analyzer
