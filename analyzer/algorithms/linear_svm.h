#pragma once

#include <memory>

#include "analyzer/algorithms/classifier.h"

namespace sonde::analyzer {

/// Linear support vector machines, one for each pair of classes (C-SVC, hinge loss); the class with most of
/// the pairs wins, of equals the lowest. Probabilities: each pair's by Platt's sigmoid over the decision
/// values of rows left out of the fit (3 folds), coupled over all pairs; the most probable class may
/// therefore differ from the winner where the two are close. Without options.calibrated the sigmoid is the
/// logistic function of the decision value: an order, no probability.
///
/// Solved by dual coordinate descent; the sigmoid by dlib. Cost: fit O(classes · rows · columns · sweeps), a
/// row O(classes² · columns). Class weights multiply C. REQUIRES: options.svm_c > 0; columns on one scale.
/// Sources: Hsieh et al. 2008 (the solver); Platt 1999; Wu, Lin, Weng 2004, second method (coupling).
std::unique_ptr<Classifier> fit_linear_svm(const LabelledRows& rows, const ClassifierOptions& options);

/// Reads one back; null where the bytes are none. See ClassifierKind::load.
std::unique_ptr<Classifier> load_linear_svm(ParameterReader& from, size_t columns, size_t class_count);

}  // namespace sonde::analyzer
