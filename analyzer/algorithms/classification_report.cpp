#include "analyzer/algorithms/classification_report.h"

#include <cassert>

namespace sonde::analyzer {
namespace {

double share(size_t part, size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void add(ClassScore& sum, const ClassScore& score, double weight) {
  sum.precision += weight * score.precision;
  sum.recall += weight * score.recall;
  sum.f1 += weight * score.f1;
  sum.support += score.support;
}

}  // namespace

ClassificationReport score_classification(std::span<const uint32_t> truth,
                                          std::span<const uint32_t> predicted, size_t class_count) {
  assert(truth.size() == predicted.size() && !truth.empty());
  ClassificationReport report;
  report.confusion.assign(class_count * class_count, 0);
  for (size_t i = 0; i < truth.size(); ++i) ++report.confusion[truth[i] * class_count + predicted[i]];

  size_t right = 0;
  size_t met = 0;  // classes that are in the truth or were predicted
  std::vector<bool> is_met(class_count, false);
  for (size_t c = 0; c < class_count; ++c) {
    size_t of_class = 0;
    size_t told = 0;
    for (size_t other = 0; other < class_count; ++other) {
      of_class += report.confusion[c * class_count + other];
      told += report.confusion[other * class_count + c];
    }
    const size_t hits = report.confusion[c * class_count + c];
    report.classes.push_back(
        {share(hits, told), share(hits, of_class), share(2 * hits, told + of_class), of_class});
    right += hits;
    is_met[c] = told + of_class > 0;
    if (is_met[c]) ++met;
  }
  for (size_t c = 0; c < class_count; ++c) {
    if (!is_met[c]) continue;
    add(report.macro, report.classes[c], 1 / static_cast<double>(met));
    add(report.weighted, report.classes[c], share(report.classes[c].support, truth.size()));
  }
  report.accuracy = share(right, truth.size());
  return report;
}

}  // namespace sonde::analyzer
