#include "analyzer/algorithms/decision_tree.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

#include "analyzer/algorithms/rank_sort.h"

namespace sonde::analyzer {
namespace {

/// Σ weight² of the classes: what Gini impurity is made of.
double sum_of_squares(std::span<const double> weights) {
  return std::inner_product(weights.begin(), weights.end(), weights.begin(), 0.0);
}

}  // namespace

RankedColumns::RankedColumns(const LabelledRows& rows)
    : rows_(rows.rows()), ranks_(rows.columns * rows.rows()), values_(rows.columns) {
  for (size_t column = 0; column < rows.columns; ++column) {
    std::vector<double>& values = values_[column];
    values.reserve(rows_);
    for (size_t i = 0; i < rows_; ++i) values.push_back(rows.row(i)[column]);
    std::ranges::sort(values);
    values.erase(std::ranges::unique(values).begin(), values.end());
    for (size_t i = 0; i < rows_; ++i) {
      const auto place = std::ranges::lower_bound(values, rows.row(i)[column]);
      ranks_[column * rows_ + i] = static_cast<uint32_t>(place - values.begin());
    }
  }
}

/// Grows a tree from a sample.
class DecisionTree::Grower {
 public:
  Grower(DecisionTree& tree, TreeSample sample, size_t max_depth, size_t columns_tried,
         std::mt19937_64& random)
      : tree_(tree),
        sample_(std::move(sample)),
        max_depth_(max_depth),
        columns_tried_(columns_tried),
        random_(random),
        columns_(sample_.ranked->columns()) {
    std::iota(columns_.begin(), columns_.end(), 0U);
  }

  /// Grows what is below the rows [begin, end) of the sample; returns the node.
  uint32_t grow(size_t begin, size_t end, size_t depth) {
    const auto node = static_cast<uint32_t>(tree_.nodes_.size());
    tree_.nodes_.emplace_back();
    const std::span rows = std::span(sample_.chosen).subspan(begin, end - begin);
    std::vector<double> classes(tree_.class_count_, 0);
    for (const uint32_t row : rows) classes[sample_.rows->classes[row]] += sample_.weights[row];
    const bool pure = std::ranges::count_if(classes, [](double weight) { return weight > 0; }) < 2;
    const Split split = pure || depth >= max_depth_ ? Split{} : best_split(rows, classes);
    if (!split.found) {
      make_leaf(node, std::move(classes));
      return node;
    }
    const auto ranks = sample_.ranked->ranks(split.column);
    const auto middle =
        std::ranges::stable_partition(rows, [&](uint32_t row) { return ranks[row] < split.rank; });
    const size_t left_end = begin + static_cast<size_t>(middle.begin() - rows.begin());
    const uint32_t left = grow(begin, left_end, depth + 1);
    const uint32_t right = grow(left_end, end, depth + 1);
    tree_.nodes_[node] = {split.threshold, split.column, left, right, 0};
    return node;
  }

 private:
  /// Rows whose rank in the column is below `rank` go left.
  struct Split {
    bool found = false;
    double purity = 0;  ///< Σ over both sides of sum_of_squares / weight: the larger, the less impure
    uint32_t column = 0;
    uint32_t rank = 0;
    double threshold = 0;
  };

  void make_leaf(uint32_t node, std::vector<double> classes) {
    const double sum = std::accumulate(classes.begin(), classes.end(), 0.0);
    tree_.nodes_[node].shares = static_cast<uint32_t>(tree_.shares_.size());
    for (const double weight : classes) tree_.shares_.push_back(weight / sum);
  }

  Split best_split(std::span<const uint32_t> rows, std::span<const double> classes) {
    Split best;
    size_t tried = 0;
    for (size_t drawn = 0; drawn < columns_.size() && (tried < columns_tried_ || !best.found); ++drawn) {
      const size_t other = std::uniform_int_distribution<size_t>(drawn, columns_.size() - 1)(random_);
      std::swap(columns_[drawn], columns_[other]);
      if (try_column(columns_[drawn], rows, classes, best)) ++tried;
    }
    return best;
  }

  /// Takes the best split of the column if it is better than `best`. False: the column is constant here.
  bool try_column(uint32_t column, std::span<const uint32_t> rows, std::span<const double> classes,
                  Split& best) {
    const auto ranks = sample_.ranked->ranks(column);
    sorted_.clear();
    uint32_t least = ranks[rows[0]];
    uint32_t largest = least;
    for (const uint32_t row : rows) {
      least = std::min(least, ranks[row]);
      largest = std::max(largest, ranks[row]);
      sorted_.push_back({ranks[row], row});
    }
    if (least == largest) return false;
    sort_by_rank(sorted_, scratch_, largest);

    left_.assign(classes.size(), 0);
    right_.assign(classes.begin(), classes.end());
    double left_weight = 0;
    double right_weight = std::accumulate(classes.begin(), classes.end(), 0.0);
    double left_squares = 0;
    double right_squares = sum_of_squares(classes);
    for (size_t i = 0; i + 1 < sorted_.size(); ++i) {
      const uint32_t of_row = sample_.rows->classes[sorted_[i].row];
      const double weight = sample_.weights[sorted_[i].row];
      left_squares += weight * (2 * left_[of_row] + weight);
      right_squares -= weight * (2 * right_[of_row] - weight);
      left_[of_row] += weight;
      right_[of_row] -= weight;
      left_weight += weight;
      right_weight -= weight;
      if (sorted_[i].rank == sorted_[i + 1].rank) continue;
      const double purity = left_squares / left_weight + right_squares / right_weight;
      if (best.found && purity <= best.purity) continue;
      best = {true, purity, column, sorted_[i + 1].rank, 0};
      const auto values = sample_.ranked->values(column);
      // Half way, and below the upper value also where there is no number between the two.
      best.threshold = std::midpoint(values[sorted_[i].rank], values[sorted_[i + 1].rank]);
      if (best.threshold >= values[sorted_[i + 1].rank]) best.threshold = values[sorted_[i].rank];
    }
    return true;
  }

  DecisionTree& tree_;
  TreeSample sample_;
  size_t max_depth_;
  size_t columns_tried_;
  std::mt19937_64& random_;
  std::vector<uint32_t> columns_;  ///< in the order in which they were last drawn
  std::vector<RankedRow> sorted_;
  std::vector<RankedRow> scratch_;
  std::vector<double> left_;  ///< class weights on either side of a split
  std::vector<double> right_;
};

DecisionTree::DecisionTree(TreeSample sample, size_t max_depth, size_t columns_tried, std::mt19937_64& random)
    : class_count_(sample.rows->class_count) {
  assert(!sample.chosen.empty());
  const size_t rows = sample.chosen.size();
  Grower(*this, std::move(sample), max_depth, columns_tried, random).grow(0, rows, 0);
}

std::span<const double> DecisionTree::shares(std::span<const double> row) const {
  const Node* node = nodes_.data();
  while (node->left != 0) node = &nodes_[row[node->column] <= node->threshold ? node->left : node->right];
  return std::span(shares_).subspan(node->shares, class_count_);
}

void DecisionTree::save(ParameterWriter& to) const {
  std::vector<double> thresholds;
  std::vector<uint32_t> links;
  for (const Node& node : nodes_) {
    thresholds.push_back(node.threshold);
    links.insert(links.end(), {node.column, node.left, node.right, node.shares});
  }
  to.list(thresholds);
  to.list(links);
  to.list(shares_);
}

std::optional<DecisionTree> DecisionTree::load(ParameterReader& from, size_t columns, size_t class_count) {
  const std::vector<double> thresholds = from.list<double>();
  const std::vector<uint32_t> links = from.list<uint32_t>();
  DecisionTree tree(class_count);
  tree.shares_ = from.list<double>();
  const size_t nodes = thresholds.size();
  const auto is_share = [](double each) { return each >= 0 && each <= 1; };
  if (!from.good() || nodes == 0 || links.size() != 4 * nodes) return std::nullopt;
  if (!std::ranges::all_of(tree.shares_, is_share)) return std::nullopt;
  for (size_t i = 0; i < nodes; ++i) {
    const Node node{thresholds[i], links[4 * i], links[4 * i + 1], links[4 * i + 2], links[4 * i + 3]};
    const bool leaf = node.left == 0;
    // Both ways lead on, so that every row comes to a leaf.
    const bool possible = leaf ? node.shares + class_count <= tree.shares_.size()
                               : node.left > i && node.left < nodes && node.right > i && node.right < nodes &&
                                     node.column < columns && std::isfinite(node.threshold);
    if (!possible) return std::nullopt;
    tree.nodes_.push_back(node);
  }
  return tree;
}

}  // namespace sonde::analyzer
