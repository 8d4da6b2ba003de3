#include "analyzer/algorithms/classifier.h"

#include <algorithm>
#include <array>

#include "analyzer/algorithms/gaussian_naive_bayes.h"
#include "analyzer/algorithms/linear_svm.h"
#include "analyzer/algorithms/nearest_neighbours.h"
#include "analyzer/algorithms/random_forest.h"

namespace sonde::analyzer {

uint32_t Classifier::predict(std::span<const double> row) const {
  std::vector<double> each(class_count());
  probabilities(row, each);
  return static_cast<uint32_t>(std::ranges::max_element(each) - each.begin());
}

std::span<const ClassifierKind> classifier_kinds() {
  static constexpr std::array kKinds = {
      ClassifierKind{"knn", "k nearest neighbours", fit_nearest_neighbours, load_nearest_neighbours},
      ClassifierKind{"svm", "linear SVM", fit_linear_svm, load_linear_svm},
      ClassifierKind{"naive_bayes", "Gaussian naive Bayes", fit_gaussian_naive_bayes,
                     load_gaussian_naive_bayes},
      ClassifierKind{"random_forest", "random forest", fit_random_forest, load_random_forest},
  };
  return kKinds;
}

std::vector<double> balanced_class_weights(const LabelledRows& rows) {
  std::vector<double> weights(rows.class_count, 0);
  for (const uint32_t of_row : rows.classes) ++weights[of_row];
  const auto occurring = static_cast<double>(std::ranges::count_if(weights, [](double n) { return n > 0; }));
  const auto all = static_cast<double>(rows.rows());
  for (double& weight : weights) weight = weight > 0 ? all / (occurring * weight) : 1;
  return weights;
}

}  // namespace sonde::analyzer
