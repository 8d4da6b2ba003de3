#include "analyzer/algorithms/gaussian_naive_bayes.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace sonde::analyzer {
namespace {

/// Population variance of the column that varies most.
double largest_variance(const LabelledRows& rows) {
  const auto count = static_cast<double>(rows.rows());
  double largest = 0;
  for (size_t column = 0; column < rows.columns; ++column) {
    double mean = 0;
    for (size_t i = 0; i < rows.rows(); ++i) mean += rows.row(i)[column];
    mean /= count;
    double squares = 0;
    for (size_t i = 0; i < rows.rows(); ++i) {
      const double offset = rows.row(i)[column] - mean;
      squares += offset * offset;
    }
    largest = std::max(largest, squares / count);
  }
  return largest;
}

class GaussianNaiveBayes final : public Classifier {
 public:
  GaussianNaiveBayes(size_t columns, std::vector<double> constants, std::vector<double> means,
                     std::vector<double> precisions)
      : columns_(columns),
        constants_(std::move(constants)),
        means_(std::move(means)),
        precisions_(std::move(precisions)) {}

  GaussianNaiveBayes(const LabelledRows& rows, const ClassifierOptions& options)
      : columns_(rows.columns),
        constants_(rows.class_count),
        means_(rows.class_count * rows.columns, 0),
        precisions_(rows.class_count * rows.columns, 0) {
    const auto weight_of = [&](size_t i) {
      return options.class_weights.empty() ? 1 : options.class_weights[rows.classes[i]];
    };
    std::vector<double> totals(rows.class_count, 0);
    for (size_t i = 0; i < rows.rows(); ++i) {
      totals[rows.classes[i]] += weight_of(i);
      double* const means = &means_[rows.classes[i] * columns_];
      for (size_t column = 0; column < columns_; ++column)
        means[column] += weight_of(i) * rows.row(i)[column];
    }
    double all = 0;
    for (size_t c = 0; c < totals.size(); ++c) {
      all += totals[c];
      for (size_t column = 0; column < columns_ && totals[c] > 0; ++column) {
        means_[c * columns_ + column] /= totals[c];
      }
    }
    for (size_t i = 0; i < rows.rows(); ++i) {
      const size_t begin = rows.classes[i] * columns_;
      for (size_t column = 0; column < columns_; ++column) {
        const double offset = rows.row(i)[column] - means_[begin + column];
        precisions_[begin + column] += weight_of(i) * offset * offset;
      }
    }
    // Where nothing varies at all any floor will do.
    const double floor =
        std::max(kVarianceSmoothing * largest_variance(rows), std::numeric_limits<double>::min());
    for (size_t c = 0; c < totals.size(); ++c) {
      if (totals[c] == 0) {
        constants_[c] = -std::numeric_limits<double>::infinity();
        continue;
      }
      constants_[c] = std::log(totals[c] / all);
      for (size_t column = 0; column < columns_; ++column) {
        double& cell = precisions_[c * columns_ + column];
        const double variance = cell / totals[c] + floor;
        constants_[c] -= 0.5 * std::log(2 * std::numbers::pi * variance);
        cell = 1 / variance;
      }
    }
  }

  [[nodiscard]] size_t class_count() const override { return constants_.size(); }

  void probabilities(std::span<const double> row, std::span<double> out) const override {
    assert(row.size() == columns_ && out.size() == class_count());
    for (size_t c = 0; c < out.size(); ++c) {
      const double* const means = &means_[c * columns_];
      const double* const precisions = &precisions_[c * columns_];
      double squares = 0;
      for (size_t column = 0; column < columns_; ++column) {
        const double offset = row[column] - means[column];
        squares += offset * offset * precisions[column];
      }
      out[c] = constants_[c] - 0.5 * squares;
    }
    const double largest = std::ranges::max(out);  // so that not all of them round to 0
    if (std::isinf(largest)) {                     // a row beyond what numbers can tell apart
      std::ranges::fill(out, 1 / static_cast<double>(out.size()));
      return;
    }
    double sum = 0;
    for (double& each : out) sum += each = std::exp(each - largest);
    for (double& each : out) each /= sum;
  }

  void save(ParameterWriter& to) const override {
    to.list(constants_);
    to.list(means_);
    to.list(precisions_);
  }

 private:
  size_t columns_;
  std::vector<double> constants_;   ///< log prior - Σ log(2π variance) / 2, one a class
  std::vector<double> means_;       ///< classes × columns
  std::vector<double> precisions_;  ///< 1 / variance, classes × columns
};

}  // namespace

std::unique_ptr<Classifier> fit_gaussian_naive_bayes(const LabelledRows& rows,
                                                     const ClassifierOptions& options) {
  return std::make_unique<GaussianNaiveBayes>(rows, options);
}

std::unique_ptr<Classifier> load_gaussian_naive_bayes(ParameterReader& from, size_t columns,
                                                      size_t class_count) {
  std::vector<double> constants = from.list<double>();
  std::vector<double> means = from.list<double>();
  std::vector<double> precisions = from.list<double>();
  const bool possible =
      from.good() && constants.size() == class_count && means.size() == class_count * columns &&
      precisions.size() == means.size() &&
      std::ranges::all_of(constants,
                          [](double each) { return each < std::numeric_limits<double>::infinity(); }) &&
      std::ranges::all_of(means, [](double each) { return std::isfinite(each); }) &&
      std::ranges::all_of(precisions, [](double each) { return each >= 0 && std::isfinite(each); });
  if (!possible) return nullptr;
  return std::make_unique<GaussianNaiveBayes>(columns, std::move(constants), std::move(means),
                                              std::move(precisions));
}

}  // namespace sonde::analyzer
