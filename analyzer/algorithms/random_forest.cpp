#include "analyzer/algorithms/random_forest.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "analyzer/algorithms/decision_tree.h"

namespace sonde::analyzer {
namespace {

class RandomForest final : public Classifier {
 public:
  RandomForest(const LabelledRows& rows, const ClassifierOptions& options) : class_count_(rows.class_count) {
    assert(rows.rows() > 0 && options.trees > 0);
    const RankedColumns ranked(rows);
    const auto columns_tried =
        std::max<size_t>(1, static_cast<size_t>(std::sqrt(static_cast<double>(rows.columns))));
    std::mt19937_64 random(options.seed);
    trees_.reserve(options.trees);
    for (size_t i = 0; i < options.trees; ++i) {
      trees_.emplace_back(bootstrap(rows, ranked, options, random), options.max_depth, columns_tried, random);
    }
  }

  RandomForest(size_t class_count, std::vector<DecisionTree> trees)
      : class_count_(class_count), trees_(std::move(trees)) {}

  [[nodiscard]] size_t class_count() const override { return class_count_; }

  void probabilities(std::span<const double> row, std::span<double> out) const override {
    std::ranges::fill(out, 0);
    for (const DecisionTree& tree : trees_) {
      const std::span<const double> shares = tree.shares(row);
      for (size_t c = 0; c < out.size(); ++c) out[c] += shares[c];
    }
    for (double& each : out) each /= static_cast<double>(trees_.size());
  }

  void save(ParameterWriter& to) const override {
    to.number(trees_.size());
    for (const DecisionTree& tree : trees_) tree.save(to);
  }

 private:
  /// As many rows as there are, drawn with replacement.
  static TreeSample bootstrap(const LabelledRows& rows, const RankedColumns& ranked,
                              const ClassifierOptions& options, std::mt19937_64& random) {
    TreeSample sample{&rows, &ranked, {}, std::vector<double>(rows.rows(), 0)};
    std::uniform_int_distribution<size_t> any_row(0, rows.rows() - 1);
    for (size_t i = 0; i < rows.rows(); ++i) ++sample.weights[any_row(random)];
    for (uint32_t row = 0; row < rows.rows(); ++row) {
      if (sample.weights[row] == 0) continue;
      sample.chosen.push_back(row);
      if (!options.class_weights.empty()) sample.weights[row] *= options.class_weights[rows.classes[row]];
    }
    return sample;
  }

  size_t class_count_;
  std::vector<DecisionTree> trees_;
};

}  // namespace

std::unique_ptr<Classifier> fit_random_forest(const LabelledRows& rows, const ClassifierOptions& options) {
  return std::make_unique<RandomForest>(rows, options);
}

std::unique_ptr<Classifier> load_random_forest(ParameterReader& from, size_t columns, size_t class_count) {
  const uint64_t count = from.number();
  std::vector<DecisionTree> trees;
  for (uint64_t i = 0; i < count; ++i) {  // ends with the bytes
    std::optional<DecisionTree> tree = DecisionTree::load(from, columns, class_count);
    if (!tree) return nullptr;
    trees.push_back(std::move(*tree));
  }
  return trees.empty() ? nullptr : std::make_unique<RandomForest>(class_count, std::move(trees));
}

}  // namespace sonde::analyzer
