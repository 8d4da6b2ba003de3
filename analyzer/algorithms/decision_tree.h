#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "analyzer/algorithms/labelled_rows.h"
#include "analyzer/algorithms/parameters.h"

namespace sonde::analyzer {

/// The columns of a table with each value replaced by its rank among the column's different values: what the
/// splits of all trees of a forest sort by.
class RankedColumns {
 public:
  explicit RankedColumns(const LabelledRows& rows);

  [[nodiscard]] size_t columns() const { return values_.size(); }
  /// One rank a row.
  [[nodiscard]] std::span<const uint32_t> ranks(size_t column) const {
    return std::span(ranks_).subspan(column * rows_, rows_);
  }
  /// The value of each rank, rising.
  [[nodiscard]] std::span<const double> values(size_t column) const { return values_[column]; }

 private:
  size_t rows_;
  std::vector<uint32_t> ranks_;  ///< columns × rows
  std::vector<std::vector<double>> values_;
};

/// What a tree is grown from.
struct TreeSample {
  const LabelledRows* rows = nullptr;
  const RankedColumns* ranked = nullptr;
  std::vector<uint32_t> chosen;  ///< rows in the sample, each once
  std::vector<double> weights;   ///< one for each of *rows, > 0 for the chosen ones
};

/// A CART tree. Immutable.
class DecisionTree {
 public:
  /// Splits by Gini impurity until a node is pure, has one row or is `max_depth` below the root; each split
  /// is the best of `columns_tried` columns drawn at random that are not constant in the node (more are drawn
  /// where none of them splits).
  DecisionTree(TreeSample sample, size_t max_depth, size_t columns_tried, std::mt19937_64& random);

  /// The class shares of the leaf that the row ends in: class_count values.
  [[nodiscard]] std::span<const double> shares(std::span<const double> row) const;

  void save(ParameterWriter& to) const;
  /// Nothing where the bytes are no tree for rows of that many columns and classes.
  static std::optional<DecisionTree> load(ParameterReader& from, size_t columns, size_t class_count);

 private:
  explicit DecisionTree(size_t class_count) : class_count_(class_count) {}

  struct Node {
    double threshold = 0;  ///< rows at or below it go left
    uint32_t column = 0;
    uint32_t left = 0;  ///< 0: a leaf
    uint32_t right = 0;
    uint32_t shares = 0;  ///< where a leaf's shares begin
  };
  class Grower;

  size_t class_count_;
  std::vector<Node> nodes_;  ///< the root is the first
  std::vector<double> shares_;
};

}  // namespace sonde::analyzer
