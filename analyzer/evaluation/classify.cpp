#include "analyzer/evaluation/classify.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace sonde::analyzer {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Rows are brought to the scale of what was learnt from, or to where the calibration moves it.
Standardiser scale_of_test(const TableSplit& parts, const Standardiser& learnt) {
  if (parts.calibration.rows() == 0) return learnt;
  const size_t columns = parts.train.columns.size();
  const LabelledTable normal = rows_labelled(parts.train, kNormalLabel);
  return learnt.moved(Standardiser::fit(normal.cells, columns),
                      Standardiser::fit(parts.calibration.cells, columns));
}

}  // namespace

LabelledRows labelled_rows(const LabelledTable& table, const Standardiser& standardiser,
                           const std::vector<std::string>& classes) {
  LabelledRows rows{table.columns.size(), classes.size(), table.cells, {}};
  standardiser.apply(rows.features);
  rows.classes.reserve(table.rows());
  for (const std::string& label : table.labels) {
    rows.classes.push_back(static_cast<uint32_t>(std::ranges::lower_bound(classes, label) - classes.begin()));
  }
  return rows;
}

std::vector<std::string> sorted_labels(std::initializer_list<const std::vector<std::string>*> lists) {
  std::vector<std::string> labels;
  for (const auto* list : lists) labels.insert(labels.end(), list->begin(), list->end());
  std::ranges::sort(labels);
  labels.erase(std::ranges::unique(labels).begin(), labels.end());
  return labels;
}

ClassifierOutcome tell(const Classifier& classifier, const LabelledRows& rows) {
  ClassifierOutcome outcome;
  outcome.predicted.reserve(rows.rows());
  const Clock::time_point start = Clock::now();
  for (size_t i = 0; i < rows.rows(); ++i) outcome.predicted.push_back(classifier.predict(rows.row(i)));
  outcome.predict_seconds = seconds_since(start);
  return outcome;
}

ClassifyOutcome classify(const TableSplit& parts, std::span<const ClassifierKind* const> kinds,
                         ClassifierOptions options, bool balanced) {
  const LabelledTable& train = parts.train;
  const LabelledTable& test = parts.test;
  ClassifyOutcome outcome{sorted_labels({&train.labels, &test.labels}),
                          train.rows(),
                          test.rows(),
                          train.columns.size(),
                          parts.calibration.rows(),
                          train.missing + test.missing,
                          {}};

  const Standardiser standardiser = Standardiser::fit(train.cells, train.columns.size());
  const LabelledRows learnt = labelled_rows(train, standardiser, outcome.classes);
  const LabelledRows told = labelled_rows(test, scale_of_test(parts, standardiser), outcome.classes);
  options.calibrated = false;  // only classes are told here
  if (balanced) options.class_weights = balanced_class_weights(learnt);

  for (const ClassifierKind* const kind : kinds) {
    const Clock::time_point start = Clock::now();
    const std::unique_ptr<Classifier> classifier = kind->fit(learnt, options);
    const double fit_seconds = seconds_since(start);
    ClassifierOutcome& one = outcome.classifiers.emplace_back(tell(*classifier, told));
    one.kind = kind;
    one.fit_seconds = fit_seconds;
    one.report = score_classification(told.classes, one.predicted, outcome.classes.size());
  }
  return outcome;
}

}  // namespace sonde::analyzer
