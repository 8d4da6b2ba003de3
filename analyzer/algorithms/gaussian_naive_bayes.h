#pragma once

#include <memory>

#include "analyzer/algorithms/classifier.h"

namespace sonde::analyzer {

/// Added to each variance, as a share of the largest variance of any column. Source: scikit-learn's default.
inline constexpr double kVarianceSmoothing = 1e-9;

/// Gaussian naive Bayes: p(class | row) ∝ prior(class) · Π normal(value; mean, variance of class and column).
///
/// Cost: fit O(rows · columns), a row O(classes · columns). Weights count as that many rows.
std::unique_ptr<Classifier> fit_gaussian_naive_bayes(const LabelledRows& rows,
                                                     const ClassifierOptions& options);

/// Reads one back; null where the bytes are none. See ClassifierKind::load.
std::unique_ptr<Classifier> load_gaussian_naive_bayes(ParameterReader& from, size_t columns,
                                                      size_t class_count);

}  // namespace sonde::analyzer
