#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "analyzer/algorithms/classifier.h"
#include "analyzer/algorithms/nearest_neighbours.h"

namespace sonde::analyzer {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;

/// `per_class` rows of each class, normal around the class's own place with that deviation.
LabelledRows blobs(size_t per_class, size_t classes, size_t columns, double deviation, uint64_t seed) {
  LabelledRows rows{columns, classes, {}, {}};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, deviation);
  for (size_t i = 0; i < per_class * classes; ++i) {
    const auto of_row = static_cast<uint32_t>(i % classes);
    for (size_t column = 0; column < columns; ++column) {
      rows.features.push_back((column % classes == of_row ? 5 : 0) + noise(random));
    }
    rows.classes.push_back(of_row);
  }
  return rows;
}

std::vector<double> probabilities_of(const Classifier& classifier, std::span<const double> row) {
  std::vector<double> each(classifier.class_count());
  classifier.probabilities(row, each);
  return each;
}

class EveryClassifier : public ::testing::TestWithParam<const ClassifierKind*> {};

TEST_P(EveryClassifier, TellsClassesThatAreFarApart) {
  const LabelledRows rows = blobs(60, 4, 6, 0.5, 1);
  const LabelledRows others = blobs(40, 4, 6, 0.5, 2);
  const auto classifier = GetParam()->fit(rows, {});
  for (size_t i = 0; i < others.rows(); ++i) {
    EXPECT_EQ(classifier->predict(others.row(i)), others.classes[i]);
    EXPECT_GT(probabilities_of(*classifier, others.row(i))[others.classes[i]], 0.5);
  }
}

TEST_P(EveryClassifier, ProbabilitiesAreNotNegativeAndSumToOne) {
  const LabelledRows rows = blobs(30, 3, 4, 4, 3);
  const auto classifier = GetParam()->fit(rows, {});
  std::mt19937_64 random(4);
  std::normal_distribution<double> anywhere(0, 50);
  for (int i = 0; i < 200; ++i) {
    std::vector<double> row(4);
    for (double& value : row) value = anywhere(random);
    const std::vector<double> each = probabilities_of(*classifier, row);
    EXPECT_THAT(each, Each(Ge(0)));
    EXPECT_NEAR(std::accumulate(each.begin(), each.end(), 0.0), 1, 1e-9);
  }
}

TEST_P(EveryClassifier, IsTheSameForTheSameSeed) {
  const LabelledRows rows = blobs(40, 3, 5, 3, 5);
  ClassifierOptions seven;
  seven.seed = 7;
  const auto first = GetParam()->fit(rows, seven);
  const auto second = GetParam()->fit(rows, seven);
  for (size_t i = 0; i < rows.rows(); ++i) {
    EXPECT_EQ(probabilities_of(*first, rows.row(i)), probabilities_of(*second, rows.row(i)));
  }
}

TEST_P(EveryClassifier, AClassWithoutRowsIsNeverTold) {
  LabelledRows rows = blobs(30, 2, 4, 2, 6);
  rows.class_count = 3;  // there are no rows of the last
  const auto classifier = GetParam()->fit(rows, {});
  for (size_t i = 0; i < rows.rows(); ++i) {
    EXPECT_LT(classifier->predict(rows.row(i)), 2U);
    EXPECT_EQ(probabilities_of(*classifier, rows.row(i))[2], 0);
  }
}

TEST_P(EveryClassifier, OfOneClassEverythingIs) {
  const LabelledRows rows{2, 1, {1, 2, 3, 4, 5, 6}, {0, 0, 0}};
  const auto classifier = GetParam()->fit(rows, {});
  EXPECT_EQ(classifier->predict(rows.row(1)), 0U);
  EXPECT_THAT(probabilities_of(*classifier, rows.row(1)), ElementsAre(1));
}

TEST_P(EveryClassifier, ColumnsThatNeverChangeDoNoHarm) {
  LabelledRows rows = blobs(40, 2, 3, 0.5, 8);
  for (size_t i = 0; i < rows.rows(); ++i) rows.features[i * 3 + 2] = 0;
  const auto classifier = GetParam()->fit(rows, {});
  for (size_t i = 0; i < rows.rows(); ++i) EXPECT_EQ(classifier->predict(rows.row(i)), rows.classes[i]);
}

TEST_P(EveryClassifier, AHeavierClassIsToldMoreOften) {
  const LabelledRows rows = blobs(200, 2, 2, 5, 9);  // the two lie over each other
  const auto told_second = [&](const ClassifierOptions& options) {
    const auto classifier = GetParam()->fit(rows, options);
    size_t told = 0;
    for (size_t i = 0; i < rows.rows(); ++i) told += classifier->predict(rows.row(i));
    return told;
  };
  ClassifierOptions heavier;
  heavier.class_weights = {1, 4};
  EXPECT_GT(told_second(heavier), told_second({}) + 20);
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryClassifier, ::testing::ValuesIn([] {
                           std::vector<const ClassifierKind*> kinds;
                           for (const ClassifierKind& kind : classifier_kinds()) kinds.push_back(&kind);
                           return kinds;
                         }()),
                         [](const auto& kind) { return std::string(kind.param->name); });

TEST(BalancedClassWeights, RareClassesWeighMore) {
  const LabelledRows rows{1, 3, {0, 0, 0, 0}, {0, 0, 0, 1}};
  EXPECT_THAT(balanced_class_weights(rows), ElementsAre(4 / (2 * 3.0), 4 / (2 * 1.0), 1));
}

/// All distances, without a tree.
uint32_t nearest_by_hand(const LabelledRows& rows, std::span<const double> row, size_t k) {
  std::vector<std::pair<double, size_t>> distances;
  for (size_t i = 0; i < rows.rows(); ++i) {
    double sum = 0;
    for (size_t column = 0; column < rows.columns; ++column) {
      sum += std::pow(rows.row(i)[column] - row[column], 2);
    }
    distances.emplace_back(sum, i);
  }
  std::ranges::sort(distances);
  std::vector<size_t> votes(rows.class_count, 0);
  for (size_t i = 0; i < k; ++i) ++votes[rows.classes[distances[i].second]];
  return static_cast<uint32_t>(std::ranges::max_element(votes) - votes.begin());
}

TEST(NearestNeighboursTest, TheTreeFindsWhatALookAtAllRowsFinds) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    std::mt19937_64 random(seed);
    const size_t columns = 1 + seed % 19;
    // Small whole numbers: many rows are equally far, or the same.
    std::uniform_int_distribution<int> value(0, 2 + static_cast<int>(seed));
    LabelledRows rows{columns, 4, {}, {}};
    for (size_t i = 0; i < 300; ++i) {
      for (size_t column = 0; column < columns; ++column) rows.features.push_back(value(random));
      rows.classes.push_back(static_cast<uint32_t>(random() % 4));
    }
    const size_t k = 1 + seed % 7;
    ClassifierOptions options;
    options.neighbours = k;
    const auto classifier = fit_nearest_neighbours(rows, options);
    for (int i = 0; i < 50; ++i) {
      std::vector<double> row(columns);
      for (double& each : row) each = value(random);
      EXPECT_EQ(classifier->predict(row), nearest_by_hand(rows, row, k)) << "seed " << seed;
    }
  }
}

TEST(NearestNeighboursTest, OfFewerRowsThanNeighboursAllVote) {
  const LabelledRows rows{1, 2, {0, 1, 2}, {0, 1, 1}};
  EXPECT_THAT(probabilities_of(*fit_nearest_neighbours(rows, {}), std::vector<double>{0}),
              ElementsAre(1 / 3.0, 2 / 3.0));
}

}  // namespace
}  // namespace sonde::analyzer
