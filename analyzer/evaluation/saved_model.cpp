#include "analyzer/evaluation/saved_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "analyzer/models/model_store.h"

namespace sonde::analyzer {

Result<ClassifyOutcome> classify_with_saved(const std::string& folder, const std::string& algorithm,
                                            LabelledTable table, const std::string& table_name) {
  const Result<StoredModel> stored = load_model(folder);
  if (!stored) return tl::unexpected(stored.error());
  if (!stored->model) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: holds no model that can be used{}{}; train one first", folder,
                            stored->refused.empty() ? "" : ": ", fmt::join(stored->refused, "; ")));
  }
  const Model& model = *stored->model;
  if (const auto same = arrange_columns(table, model.features, table_name); !same)
    return tl::unexpected(same.error());

  ClassifyOutcome outcome{sorted_labels({&model.classes, &table.labels}),
                          model.rows,
                          table.rows(),
                          table.columns.size(),
                          0,
                          table.missing,
                          {}};
  std::vector<uint32_t> places;  // of the model's classes among those of the table too
  for (const std::string& label : model.classes) {
    places.push_back(
        static_cast<uint32_t>(std::ranges::lower_bound(outcome.classes, label) - outcome.classes.begin()));
  }
  const LabelledRows rows = labelled_rows(table, model.standardiser, outcome.classes);
  for (const Model::Learnt& learnt : model.learnt) {
    if (algorithm != "all" && algorithm != learnt.kind->name) continue;
    ClassifierOutcome& one = outcome.classifiers.emplace_back(tell(*learnt.classifier, rows));
    one.kind = learnt.kind;
    for (uint32_t& predicted : one.predicted) predicted = places[predicted];
    one.report = score_classification(rows.classes, one.predicted, outcome.classes.size());
  }
  if (outcome.classifiers.empty()) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: has not learnt {}; train it with --algorithm={}",
                                                 stored->file, algorithm, algorithm));
  }
  return outcome;
}

}  // namespace sonde::analyzer
