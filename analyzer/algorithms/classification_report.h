#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sonde::analyzer {

/// How well one class was told, or a mean over classes. All in [0, 1]; what cannot be computed (nothing was
/// predicted to be of the class, no row is) is 0.
struct ClassScore {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  size_t support = 0;  ///< rows that are of the class
};

/// How well a classifier did.
struct ClassificationReport {
  std::vector<size_t> confusion;    ///< classes × classes: true class by predicted class, in rows
  std::vector<ClassScore> classes;  ///< one a class
  ClassScore macro;                 ///< mean over the classes that are in the truth or were predicted
  ClassScore weighted;              ///< the same, weighted by support
  double accuracy = 0;
};

/// Compares predictions with the truth: one class a row each. REQUIRES: equally long, not empty, each
/// < class_count. Source: definitions of scikit-learn's precision_recall_fscore_support.
ClassificationReport score_classification(std::span<const uint32_t> truth,
                                          std::span<const uint32_t> predicted, size_t class_count);

}  // namespace sonde::analyzer
