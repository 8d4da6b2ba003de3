#include "analyzer/algorithms/replica_distance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/analyzer_algorithms/series_maker.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kLength = 20;
constexpr DeviationFloors kFloors{.relative = 0.02, .absolute = 0.01};

std::vector<double> replicas_with(size_t count, size_t odd, double offset) {
  std::vector<double> windows;
  for (size_t r = 0; r < count; ++r) {
    std::vector<double> row = made_series(r + 1, kLength);
    if (r == odd) {
      for (double& value : row) value += offset;
    }
    windows.insert(windows.end(), row.begin(), row.end());
  }
  return windows;
}

TEST(ReplicaDistance, NamesTheReplicaThatIsElsewhere) {
  for (size_t odd = 0; odd < 4; ++odd) {
    std::vector<double> windows = replicas_with(4, odd, 8);
    normalise_together(windows, 4, kFloors);
    const OddReplica found = find_odd_replica(mean_distances(windows, 4), 1.5);
    EXPECT_EQ(found.index, odd);
    EXPECT_FALSE(found.equally_far);
  }
}

TEST(ReplicaDistance, AlikeReplicasAreEquallyFar) {
  std::vector<double> windows = replicas_with(3, 9, 0);
  normalise_together(windows, 3, kFloors);
  EXPECT_TRUE(find_odd_replica(mean_distances(windows, 3), 1.5).equally_far);
}

TEST(ReplicaDistance, TwoReplicasAreAlwaysEquallyFar) {
  std::vector<double> windows = replicas_with(2, 1, 50);
  normalise_together(windows, 2, kFloors);
  const std::vector<double> distances = mean_distances(windows, 2);
  EXPECT_DOUBLE_EQ(distances[0], distances[1]);
  EXPECT_TRUE(find_odd_replica(distances, 1.5).equally_far);
}

TEST(ReplicaDistance, OfOneOddAmongThreeIsTwiceThatOfTheOthers) {
  std::vector<double> windows(3 * kLength, 1.0);
  std::fill(windows.begin() + kLength, windows.begin() + 2 * kLength, 2.0);
  const std::vector<double> distances = mean_distances(windows, 3);
  EXPECT_DOUBLE_EQ(distances[1], 1);
  EXPECT_DOUBLE_EQ(distances[0], 0.5);
  EXPECT_DOUBLE_EQ(distances[2], 0.5);
}

TEST(ReplicaDistance, NormalisingTogetherKeepsADifferenceInLevel) {
  std::vector<double> windows(2 * kLength, 10.0);
  std::fill(windows.begin(), windows.begin() + kLength, 30.0);
  normalise_together(windows, 2, kFloors);
  // Median 20, interquartile range 20: the two rows stand half a range to each side.
  EXPECT_DOUBLE_EQ(windows.front(), 0.5);
  EXPECT_DOUBLE_EQ(windows.back(), -0.5);
}

TEST(ReplicaDistance, AQuietQuantityIsHeldDownByTheFloors) {
  std::vector<double> windows(3 * kLength, 100.0);
  windows[5] = 101;  // half of the floor of 2 %
  normalise_together(windows, 3, kFloors);
  EXPECT_DOUBLE_EQ(windows[5], 0.5);
}

TEST(ReplicaDistance, AGapTakesItsNeighboursValue) {
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> windows = {kMissing, 1, kMissing, 1, 1, 1, 1, kMissing};
  normalise_together(windows, 2, kFloors);
  for (const double value : windows) EXPECT_EQ(value, 0);
}

}  // namespace
}  // namespace sonde::analyzer
