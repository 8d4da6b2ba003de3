#include "analyzer/algorithms/nearest_neighbours.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace sonde::analyzer {
namespace {

constexpr size_t kLeafRows = 16;
constexpr size_t kStride = 8;  ///< columns between two looks at whether a distance is too large already

/// A learnt row and how far it is. In this order the k-th row that counts is well defined.
struct Neighbour {
  double squared_distance = std::numeric_limits<double>::infinity();
  uint32_t row = std::numeric_limits<uint32_t>::max();
  auto operator<=>(const Neighbour&) const = default;
};

/// The k nearest so far, sorted.
class Nearest {
 public:
  explicit Nearest(size_t k) : found_(k) {}
  /// Nothing farther than this can get in.
  [[nodiscard]] double limit() const { return found_.back().squared_distance; }
  [[nodiscard]] std::span<const Neighbour> rows() const { return found_; }

  void offer(const Neighbour& candidate) {
    if (candidate >= found_.back()) return;
    size_t place = found_.size() - 1;
    for (; place > 0 && candidate < found_[place - 1]; --place) found_[place] = found_[place - 1];
    found_[place] = candidate;
  }

 private:
  std::vector<Neighbour> found_;
};

class NearestNeighbours final : public Classifier {
 public:
  NearestNeighbours(const LabelledRows& rows, const ClassifierOptions& options)
      : columns_(rows.columns),
        k_(std::min(options.neighbours, rows.rows())),
        weights_(options.class_weights),
        classes_(rows.classes) {
    assert(k_ > 0);
    if (weights_.empty()) weights_.assign(rows.class_count, 1);
    order_.resize(rows.rows());
    std::iota(order_.begin(), order_.end(), 0U);
    build(rows, 0, order_.size());
    features_.reserve(rows.features.size());
    for (const uint32_t row : order_) {
      features_.insert(features_.end(), rows.row(row).begin(), rows.row(row).end());
    }
  }

  [[nodiscard]] size_t class_count() const override { return weights_.size(); }

  void probabilities(std::span<const double> row, std::span<double> out) const override {
    assert(row.size() == columns_ && out.size() == class_count());
    Nearest nearest(k_);
    search(0, row, nearest);
    std::ranges::fill(out, 0);
    double votes = 0;
    for (const Neighbour& each : nearest.rows()) {
      const uint32_t of_row = classes_[each.row];
      out[of_row] += weights_[of_row];
      votes += weights_[of_row];
    }
    for (double& each : out) each /= votes;
  }

  /// The rows as they were learnt; the tree is built of them again.
  void save(ParameterWriter& to) const override {
    std::vector<double> features(features_.size());
    for (size_t place = 0; place < order_.size(); ++place) {
      std::copy_n(&features_[place * columns_], columns_, &features[order_[place] * columns_]);
    }
    to.number(k_);
    to.list(weights_);
    to.list(classes_);
    to.list(features);
  }

 private:
  /// A box around the rows [begin, end) of the tree's order.
  struct Node {
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t left = 0;  ///< child nodes; 0: a leaf
    uint32_t right = 0;
  };

  uint32_t build(const LabelledRows& rows, size_t begin, size_t end);
  void search(uint32_t node, std::span<const double> row, Nearest& nearest) const;
  void search_leaf(const Node& leaf, std::span<const double> row, Nearest& nearest) const;
  [[nodiscard]] double to_box(uint32_t node, std::span<const double> row, double limit) const;

  size_t columns_;
  size_t k_;
  std::vector<double> weights_;    ///< one a class
  std::vector<uint32_t> classes_;  ///< of the learnt rows, in their order
  std::vector<Node> nodes_;        ///< the root is the first
  std::vector<double> lows_;       ///< nodes × columns: least values of the node's rows
  std::vector<double> highs_;      ///< likewise the largest
  std::vector<uint32_t> order_;    ///< the learnt row at each place of the tree
  std::vector<double> features_;   ///< in the tree's order
};

uint32_t NearestNeighbours::build(const LabelledRows& rows, size_t begin, size_t end) {
  const auto node = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  std::vector<double> low(rows.row(order_[begin]).begin(), rows.row(order_[begin]).end());
  std::vector<double> high = low;
  for (size_t i = begin + 1; i < end; ++i) {
    for (size_t column = 0; column < columns_; ++column) {
      low[column] = std::min(low[column], rows.row(order_[i])[column]);
      high[column] = std::max(high[column], rows.row(order_[i])[column]);
    }
  }
  lows_.insert(lows_.end(), low.begin(), low.end());
  highs_.insert(highs_.end(), high.begin(), high.end());

  size_t widest = 0;
  for (size_t column = 1; column < columns_; ++column) {
    if (high[column] - low[column] > high[widest] - low[widest]) widest = column;
  }
  if (end - begin <= kLeafRows || high[widest] == low[widest]) return node;

  const size_t middle = begin + (end - begin) / 2;
  const auto at = [&](size_t place) { return order_.begin() + static_cast<std::ptrdiff_t>(place); };
  std::nth_element(at(begin), at(middle), at(end), [&](uint32_t a, uint32_t b) {
    return std::pair(rows.row(a)[widest], a) < std::pair(rows.row(b)[widest], b);
  });
  const uint32_t left = build(rows, begin, middle);
  const uint32_t right = build(rows, middle, end);
  nodes_[node].left = left;
  nodes_[node].right = right;
  return node;
}

/// The square of the distance to a node's box, or something above `limit` where it is farther than that.
double NearestNeighbours::to_box(uint32_t node, std::span<const double> row, double limit) const {
  const double* const low = &lows_[node * columns_];
  const double* const high = &highs_[node * columns_];
  double sum = 0;
  for (size_t begin = 0; begin < columns_ && sum <= limit; begin += kStride) {
    for (size_t column = begin; column < std::min(begin + kStride, columns_); ++column) {
      const double outside = std::max({low[column] - row[column], row[column] - high[column], 0.0});
      sum += outside * outside;
    }
  }
  return sum;
}

void NearestNeighbours::search_leaf(const Node& leaf, std::span<const double> row, Nearest& nearest) const {
  for (size_t place = leaf.begin; place < leaf.end; ++place) {
    const double* const learnt = &features_[place * columns_];
    double sum = 0;
    for (size_t begin = 0; begin < columns_ && sum <= nearest.limit(); begin += kStride) {
      for (size_t column = begin; column < std::min(begin + kStride, columns_); ++column) {
        const double offset = row[column] - learnt[column];
        sum += offset * offset;
      }
    }
    nearest.offer({sum, order_[place]});  // one that was given up is beyond the limit
  }
}

void NearestNeighbours::search(uint32_t node, std::span<const double> row, Nearest& nearest) const {
  const Node& here = nodes_[node];
  if (here.left == 0) return search_leaf(here, row, nearest);
  std::pair<double, uint32_t> nearer{to_box(here.left, row, nearest.limit()), here.left};
  std::pair<double, uint32_t> farther{to_box(here.right, row, nearest.limit()), here.right};
  if (farther < nearer) std::swap(nearer, farther);
  // At the limit itself a row that was learnt earlier may still get in.
  if (nearer.first <= nearest.limit()) search(nearer.second, row, nearest);
  if (farther.first <= nearest.limit()) search(farther.second, row, nearest);
}

}  // namespace

std::unique_ptr<Classifier> fit_nearest_neighbours(const LabelledRows& rows,
                                                   const ClassifierOptions& options) {
  return std::make_unique<NearestNeighbours>(rows, options);
}

std::unique_ptr<Classifier> load_nearest_neighbours(ParameterReader& from, size_t columns,
                                                    size_t class_count) {
  ClassifierOptions options;
  options.neighbours = from.number();
  options.class_weights = from.list<double>();
  LabelledRows rows{columns, class_count, {}, from.list<uint32_t>()};
  rows.features = from.list<double>();
  const auto is_finite = [](double each) { return std::isfinite(each); };
  const bool possible = from.good() && rows.rows() > 0 && rows.features.size() == rows.rows() * columns &&
                        options.neighbours > 0 && options.neighbours <= rows.rows() &&
                        options.class_weights.size() == class_count &&
                        std::ranges::all_of(rows.features, is_finite) &&
                        std::ranges::all_of(options.class_weights,
                                            [](double each) { return each > 0 && std::isfinite(each); }) &&
                        std::ranges::all_of(rows.classes, [&](uint32_t each) { return each < class_count; });
  return possible ? fit_nearest_neighbours(rows, options) : nullptr;
}

}  // namespace sonde::analyzer
