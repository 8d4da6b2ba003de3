#include "analyzer/algorithms/replica_distance.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "analyzer/algorithms/dtw.h"
#include "analyzer/algorithms/statistics.h"

namespace sonde::analyzer {
namespace {

void fill_gaps(std::span<double> row) {
  const auto known = [](double value) { return !std::isnan(value); };
  const auto first = std::ranges::find_if(row, known);
  assert(first != row.end());
  double last = *first;
  for (double& value : row) {
    if (known(value)) {
      last = value;
    } else {
      value = last;
    }
  }
}

}  // namespace

void normalise_together(std::span<double> windows, size_t replicas, const DeviationFloors& floors) {
  assert(replicas > 0 && !windows.empty() && windows.size() % replicas == 0);
  const size_t length = windows.size() / replicas;
  for (size_t r = 0; r < replicas; ++r) fill_gaps(windows.subspan(r * length, length));
  std::vector<double> sorted(windows.begin(), windows.end());
  const double middle = median(sorted);
  const double scale =
      std::max({interquartile_range(sorted), floors.relative * std::fabs(middle), floors.absolute});
  for (double& value : windows) value = (value - middle) / scale;
}

std::vector<double> mean_distances(std::span<const double> windows, size_t replicas) {
  assert(replicas >= 2 && windows.size() % replicas == 0);
  const size_t length = windows.size() / replicas;
  std::vector<double> sums(replicas, 0);
  for (size_t a = 0; a < replicas; ++a) {
    for (size_t b = a + 1; b < replicas; ++b) {
      const double distance =
          dtw_distance(windows.subspan(a * length, length), windows.subspan(b * length, length));
      sums[a] += distance;
      sums[b] += distance;
    }
  }
  for (double& sum : sums) sum /= static_cast<double>(replicas - 1);
  return sums;
}

OddReplica find_odd_replica(std::span<const double> distances, double ratio) {
  OddReplica odd;
  if (distances.empty()) return odd;
  odd.index = static_cast<size_t>(std::ranges::max_element(distances) - distances.begin());
  odd.distance = distances[odd.index];
  for (size_t i = 0; i < distances.size(); ++i) {
    if (i != odd.index) odd.second = std::max(odd.second, distances[i]);
  }
  odd.equally_far = distances.size() < 2 || odd.distance <= 0 || odd.distance < ratio * odd.second;
  return odd;
}

}  // namespace sonde::analyzer
