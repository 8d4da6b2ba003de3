#include "analyzer/algorithms/linear_svm.h"

#include <dlib/svm.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "analyzer/algorithms/dual_coordinate_descent.h"
#include "analyzer/algorithms/pairwise_coupling.h"

namespace sonde::analyzer {
namespace {

constexpr double kEpsilon = 0.1;  ///< where the solver stops; liblinear's default
/// What each row has as one more column, the weight of which is the bias. The solver wants that weight small
/// like the others; at this scale it may be as large as it needs to (at 1 the results differ from libsvm's).
constexpr double kBiasScale = 10;
constexpr size_t kFolds = 3;
constexpr double kLeastProbability = 1e-7;  ///< libsvm's: a pair is never certain

/// What was learnt of two classes.
struct Pair {
  uint32_t first = 0;
  uint32_t second = 0;
  std::vector<double> weights;               ///< one a column, and the bias
  std::pair<double, double> sigmoid{-1, 0};  ///< p(first) = 1 / (1 + exp(a · decision + b))

  /// > 0: the first class.
  [[nodiscard]] double decision(std::span<const double> row) const {
    double sum = kBiasScale * weights[row.size()];
    for (size_t column = 0; column < row.size(); ++column) sum += weights[column] * row[column];
    return sum;
  }
};

PaddedRows with_bias(const LabelledRows& rows) {
  PaddedRows padded(rows.rows(), rows.columns + 1);
  for (size_t i = 0; i < rows.rows(); ++i) {
    std::ranges::copy(rows.row(i), padded.row(i));
    padded.row(i)[rows.columns] = kBiasScale;
  }
  return padded;
}

/// The sigmoid over decision values of rows that the fit did not see; of too few rows over those it saw. What
/// is left out at a time is a block of each class: rows are in order of time, and neighbours of one that was
/// learnt from would flatter.
std::pair<double, double> fit_sigmoid(const PaddedRows& rows, std::span<const SidedRow> sided,
                                      size_t first_rows, uint64_t seed) {
  const size_t folds = std::min({kFolds, first_rows, sided.size() - first_rows});
  const auto fold_of = [&](size_t i) {
    return i < first_rows ? i * folds / first_rows : (i - first_rows) * folds / (sided.size() - first_rows);
  };
  std::vector<double> decisions(sided.size());
  for (size_t fold = 0; fold < std::max<size_t>(folds, 1); ++fold) {
    const auto is_told = [&](size_t i) { return folds < 2 || fold_of(i) == fold; };
    std::vector<SidedRow> learnt;
    for (size_t i = 0; i < sided.size(); ++i) {
      if (folds < 2 || !is_told(i)) learnt.push_back(sided[i]);
    }
    const PaddedRows weights = solve_hinge_loss(rows, learnt, kEpsilon, seed);
    for (size_t i = 0; i < sided.size(); ++i) {
      if (is_told(i)) decisions[i] = inner_product(weights.row(0), rows.row(sided[i].row), rows.packs());
    }
  }
  std::vector<double> sides;
  for (const SidedRow& each : sided) sides.push_back(each.side);
  return dlib::learn_platt_scaling(decisions, sides);
}

class LinearSvm final : public Classifier {
 public:
  LinearSvm(const LabelledRows& rows, const ClassifierOptions& options) : class_count_(rows.class_count) {
    const PaddedRows padded = with_bias(rows);
    std::vector<std::vector<SidedRow>> by_class(class_count_);
    for (uint32_t i = 0; i < rows.rows(); ++i) {
      const uint32_t of_row = rows.classes[i];
      const double weight = options.class_weights.empty() ? 1 : options.class_weights[of_row];
      by_class[of_row].push_back({i, 1, options.svm_c * weight});
    }
    for (uint32_t c = 0; c < class_count_; ++c) {
      if (!by_class[c].empty()) occurring_.push_back(c);
    }
    assert(!occurring_.empty());
    for (size_t i = 0; i < occurring_.size(); ++i) {
      for (size_t j = i + 1; j < occurring_.size(); ++j) {
        std::vector<SidedRow> sided = by_class[occurring_[i]];
        for (SidedRow other : by_class[occurring_[j]]) {
          other.side = -1;
          sided.push_back(other);
        }
        Pair& pair = pairs_.emplace_back();
        pair.first = occurring_[i];
        pair.second = occurring_[j];
        const PaddedRows weights = solve_hinge_loss(padded, sided, kEpsilon, options.seed);
        pair.weights.assign(weights.row(0), weights.row(0) + rows.columns + 1);
        if (!options.calibrated) continue;
        pair.sigmoid = fit_sigmoid(padded, sided, by_class[pair.first].size(), options.seed);
      }
    }
  }

  LinearSvm(size_t class_count, std::vector<uint32_t> occurring, std::vector<Pair> pairs)
      : class_count_(class_count), occurring_(std::move(occurring)), pairs_(std::move(pairs)) {}

  [[nodiscard]] size_t class_count() const override { return class_count_; }

  [[nodiscard]] uint32_t predict(std::span<const double> row) const override {
    if (pairs_.empty()) return occurring_.front();
    std::vector<uint32_t> votes(class_count_, 0);
    for (const Pair& pair : pairs_) ++votes[pair.decision(row) > 0 ? pair.first : pair.second];
    return static_cast<uint32_t>(std::ranges::max_element(votes) - votes.begin());
  }

  void probabilities(std::span<const double> row, std::span<double> out) const override {
    const size_t classes = occurring_.size();
    std::vector<double> pairwise(classes * classes, 0.5);
    size_t pair = 0;
    for (size_t i = 0; i < classes; ++i) {
      for (size_t j = i + 1; j < classes; ++j, ++pair) {
        const double first = std::clamp(dlib::platt_scale(pairs_[pair].sigmoid, pairs_[pair].decision(row)),
                                        kLeastProbability, 1 - kLeastProbability);
        pairwise[i * classes + j] = first;
        pairwise[j * classes + i] = 1 - first;
      }
    }
    std::vector<double> coupled(classes);
    couple_pairwise(pairwise, coupled);
    std::ranges::fill(out, 0);
    for (size_t i = 0; i < classes; ++i) out[occurring_[i]] = coupled[i];
  }

  void save(ParameterWriter& to) const override {
    to.list(occurring_);
    for (const Pair& pair : pairs_) {
      to.list(pair.weights);
      to.real(pair.sigmoid.first);
      to.real(pair.sigmoid.second);
    }
  }

 private:
  size_t class_count_;
  std::vector<uint32_t> occurring_;  ///< classes that there were rows of, rising
  std::vector<Pair> pairs_;          ///< of those, in the order (0, 1), (0, 2), …
};

}  // namespace

std::unique_ptr<Classifier> fit_linear_svm(const LabelledRows& rows, const ClassifierOptions& options) {
  return std::make_unique<LinearSvm>(rows, options);
}

std::unique_ptr<Classifier> load_linear_svm(ParameterReader& from, size_t columns, size_t class_count) {
  std::vector<uint32_t> occurring = from.list<uint32_t>();
  const bool rising = std::ranges::adjacent_find(occurring, std::greater_equal<>()) == occurring.end();
  if (occurring.empty() || !rising || occurring.back() >= class_count) return nullptr;
  std::vector<Pair> pairs;
  for (size_t i = 0; i < occurring.size(); ++i) {
    for (size_t j = i + 1; j < occurring.size(); ++j) {
      Pair& pair = pairs.emplace_back();
      pair.first = occurring[i];
      pair.second = occurring[j];
      pair.weights = from.list<double>();
      pair.sigmoid.first = from.real();
      pair.sigmoid.second = from.real();
      const bool possible =
          from.good() && pair.weights.size() == columns + 1 &&
          std::ranges::all_of(pair.weights, [](double each) { return std::isfinite(each); }) &&
          std::isfinite(pair.sigmoid.first) && std::isfinite(pair.sigmoid.second);
      if (!possible) return nullptr;
    }
  }
  return std::make_unique<LinearSvm>(class_count, std::move(occurring), std::move(pairs));
}

}  // namespace sonde::analyzer
