#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "analyzer/algorithms/classification_report.h"
#include "analyzer/algorithms/classifier.h"
#include "analyzer/algorithms/standardiser.h"
#include "analyzer/evaluation/labelled_table.h"
#include "analyzer/evaluation/table_split.h"

namespace sonde::analyzer {

/// How one classifier did.
struct ClassifierOutcome {
  const ClassifierKind* kind = nullptr;
  std::vector<uint32_t> predicted;  ///< one a row of the test part
  ClassificationReport report;
  double fit_seconds = 0;      ///< wall time
  double predict_seconds = 0;  ///< of all rows of the test part
};

/// How all of them did on the same rows.
struct ClassifyOutcome {
  std::vector<std::string> classes;  ///< labels of both parts, sorted
  size_t train_rows = 0;
  size_t test_rows = 0;
  size_t columns = 0;
  size_t calibration_rows = 0;
  size_t missing = 0;  ///< cells of both parts that took their column's mean
  std::vector<ClassifierOutcome> classifiers;
};

/// The table on that scale, its labels as places in the sorted `classes`. REQUIRES: they hold every label.
LabelledRows labelled_rows(const LabelledTable& table, const Standardiser& standardiser,
                           const std::vector<std::string>& classes);

/// Each label of those lists once, sorted.
std::vector<std::string> sorted_labels(std::initializer_list<const std::vector<std::string>*> lists);

/// Lets the classifier tell all rows: `predicted` and `predict_seconds` of what is returned.
ClassifierOutcome tell(const Classifier& classifier, const LabelledRows& rows);

/// Fits each kind to `train`, after bringing all columns to one scale as they are there, and lets it tell the
/// rows of `test`; where there are rows for calibration, on a scale that is moved from where the normal rows
/// of `train` lie to where those do. `balanced`: every class counts the same, else every row. REQUIRES: the
/// same columns; for calibration normal rows in `train` too.
ClassifyOutcome classify(const TableSplit& parts, std::span<const ClassifierKind* const> kinds,
                         ClassifierOptions options, bool balanced);

}  // namespace sonde::analyzer
