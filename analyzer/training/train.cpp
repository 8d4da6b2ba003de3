#include "analyzer/training/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "analyzer/evaluation/table_split.h"

namespace sonde::analyzer {

Result<ClassifyOutcome> check_on_held_out(const LabelledTable& table,
                                          std::span<const ClassifierKind* const> kinds,
                                          const TrainOptions& options) {
  const uint64_t seed = options.classifier.seed;
  const Result<TableSplit> parts = table.groups.empty() ? split_rows(table, options.test_share, seed)
                                                        : split_groups(table, options.test_share, seed);
  if (!parts) return tl::unexpected(parts.error());
  return classify(*parts, kinds, options.classifier, options.balanced);
}

Model train_model(const LabelledTable& table, std::span<const ClassifierKind* const> kinds,
                  const TrainOptions& options, int64_t now_ms) {
  Model model;
  model.features = table.columns;
  model.classes = table.labels;
  std::ranges::sort(model.classes);
  model.classes.erase(std::ranges::unique(model.classes).begin(), model.classes.end());
  model.standardiser = Standardiser::fit(table.cells, table.columns.size());
  const LabelledTable normal = rows_labelled(table, kNormalLabel);
  if (normal.rows() > 0) model.normal = Standardiser::fit(normal.cells, table.columns.size());
  model.trained_ms = now_ms;
  model.rows = table.rows();
  const LabelledRows rows = labelled_rows(table, model.standardiser, model.classes);
  ClassifierOptions fit = options.classifier;
  if (options.balanced) fit.class_weights = balanced_class_weights(rows);
  for (const ClassifierKind* const kind : kinds) model.learnt.push_back({kind, kind->fit(rows, fit)});
  return model;
}

Result<void> calibrate_model(Model& model, LabelledTable table, int64_t now_ms) {
  if (model.normal.means().empty()) {
    return fail(
        ErrorCode::kInvalid,
        "the model was learnt from a table without rows labelled normal: where they lay is not known; "
        "train with some");
  }
  if (const auto arranged = arrange_columns(table, model.features, "the table"); !arranged) return arranged;
  const LabelledTable normal = rows_labelled(table, kNormalLabel);
  if (normal.rows() < kLeastCalibrationRows) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format(
            "{} rows without a fault are too few to tell where normal lies; take a time with {} or more",
            normal.rows(), kLeastCalibrationRows));
  }
  if (const auto known = expect_values(normal, "the table"); !known) return known;
  const Standardiser here = Standardiser::fit(normal.cells, model.features.size());
  model.standardiser = model.standardiser.moved(model.normal, here);
  model.normal = here;
  model.trained_ms = now_ms;
  return {};
}

}  // namespace sonde::analyzer
