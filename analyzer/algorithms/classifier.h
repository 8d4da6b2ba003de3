#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analyzer/algorithms/labelled_rows.h"
#include "analyzer/algorithms/parameters.h"

namespace sonde::analyzer {

/// What was learnt from labelled rows: tells the class of a row. Immutable, so threads may share it.
class Classifier {
 public:
  virtual ~Classifier() = default;

  [[nodiscard]] virtual size_t class_count() const = 0;

  /// The probability of each class; they sum to 1.
  ///
  /// Shape: `row` has the columns that were learnt from, without NaN; `out` class_count() values.
  virtual void probabilities(std::span<const double> row, std::span<double> out) const = 0;

  /// The class of a row: the most probable one, of equals the lowest, unless a classifier decides otherwise.
  [[nodiscard]] virtual uint32_t predict(std::span<const double> row) const;

  /// Writes what was learnt; the load() of its kind makes of it a classifier that answers with the same bits.
  virtual void save(ParameterWriter& to) const = 0;
};

/// Parameters of all of them; the defaults are the source's. Source: Du, Xie, He 2018, section V.
struct ClassifierOptions {
  size_t neighbours = 5;
  size_t trees = 50;
  size_t max_depth = 5;
  double svm_c = 1;
  bool calibrated =
      true;  ///< SVM: learn the sigmoids that probabilities() needs; three times the cost of a fit
  uint64_t seed = 0;
  std::vector<double> class_weights;  ///< one a class, > 0; empty: all 1
};

/// One way to learn. The table of all of them is classifier_kinds().
struct ClassifierKind {
  std::string_view name;   ///< as on the command line and in metrics
  std::string_view title;  ///< for people
  /// REQUIRES: rows of at least one class; no NaN. The same rows, options and seed give the same classifier.
  std::unique_ptr<Classifier> (*fit)(const LabelledRows&, const ClassifierOptions&);
  /// Reads what save() wrote, for rows of that many columns and classes. Whatever the bytes are: null, or a
  /// classifier that can be asked.
  std::unique_ptr<Classifier> (*load)(ParameterReader&, size_t columns, size_t class_count);
};

/// Nearest neighbours, linear SVM, naive Bayes and random forest, in that order.
std::span<const ClassifierKind> classifier_kinds();

/// n / (classes that occur · rows of the class): every class counts the same, however rare. 1 for a class
/// without rows. Source: class_weight="balanced" of scikit-learn.
std::vector<double> balanced_class_weights(const LabelledRows& rows);

}  // namespace sonde::analyzer
