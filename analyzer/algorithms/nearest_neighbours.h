#pragma once

#include <memory>

#include "analyzer/algorithms/classifier.h"

namespace sonde::analyzer {

/// k nearest neighbours by Euclidean distance, each with one vote times the weight of its class. Of equally
/// far rows the one that was learnt first counts; of equal votes the lowest class wins.
///
/// Exact: a tree of bounding boxes leaves out only what cannot be among the k.
/// Cost: fit O(n log n · columns); a row from O(log n · columns) where rows form groups to O(n · columns)
/// where they do not. REQUIRES: options.neighbours > 0 (more than there are rows: all of them vote).
std::unique_ptr<Classifier> fit_nearest_neighbours(const LabelledRows& rows,
                                                   const ClassifierOptions& options);

/// Reads one back; null where the bytes are none. See ClassifierKind::load.
std::unique_ptr<Classifier> load_nearest_neighbours(ParameterReader& from, size_t columns,
                                                    size_t class_count);

}  // namespace sonde::analyzer
