#pragma once

#include <memory>

#include "analyzer/algorithms/classifier.h"

namespace sonde::analyzer {

/// A random forest of CART trees: each is fitted to a bootstrap sample, splits by Gini impurity and looks at
/// √columns of the columns, drawn anew, for each split. The probabilities are the mean over the trees of the
/// class shares in the leaf.
///
/// Cost: fit O(trees · depth · √columns · rows), a row O(trees · depth). Deterministic by options.seed.
/// Source: Breiman 2001; details as in scikit-learn's RandomForestClassifier.
std::unique_ptr<Classifier> fit_random_forest(const LabelledRows& rows, const ClassifierOptions& options);

/// Reads one back; null where the bytes are none. See ClassifierKind::load.
std::unique_ptr<Classifier> load_random_forest(ParameterReader& from, size_t columns, size_t class_count);

}  // namespace sonde::analyzer
