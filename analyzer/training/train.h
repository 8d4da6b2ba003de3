#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "analyzer/algorithms/classifier.h"
#include "analyzer/evaluation/classify.h"
#include "analyzer/evaluation/labelled_table.h"
#include "analyzer/models/model.h"

namespace sonde::analyzer {

struct TrainOptions {
  ClassifierOptions classifier;
  bool balanced = false;  ///< every class counts the same, else every row
  double test_share = 0.2;
};

/// How well each kind tells rows that it has not seen: learnt from all but `test_share` of the table, and
/// tested with that: whole groups where the table has groups, else rows drawn at random (which flatters).
/// Errors: kInvalid where it cannot be split.
Result<ClassifyOutcome> check_on_held_out(const LabelledTable& table,
                                          std::span<const ClassifierKind* const> kinds,
                                          const TrainOptions& options);

/// Learns from all of the table.
Model train_model(const LabelledTable& table, std::span<const ClassifierKind* const> kinds,
                  const TrainOptions& options, int64_t now_ms);

/// Moves the model's scale to surroundings (another load, other machines) where rows without a fault lie as
/// those of `table` that are labelled normal. What it learnt stays. Errors: kInvalid where the table lacks a
/// feature, has no value of one or too few such rows, or the model does not know where normal rows lay.
Result<void> calibrate_model(Model& model, LabelledTable table, int64_t now_ms);

}  // namespace sonde::analyzer
