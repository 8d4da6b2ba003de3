#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/models/model.h"

namespace sonde::analyzer {

/// Rows in which three classes of four lie apart, so that every classifier has something to say.
inline LabelledRows made_rows(size_t rows, uint64_t seed) {
  constexpr size_t kColumns = 5;
  LabelledRows made{kColumns, 4, {}, {}};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 1);
  for (size_t i = 0; i < rows; ++i) {
    const auto of_row = static_cast<uint32_t>(i % 3);  // the fourth class has no rows
    for (size_t column = 0; column < kColumns; ++column) {
      made.features.push_back((column == of_row ? 2 : 0) + noise(random));
    }
    made.classes.push_back(of_row);
  }
  return made;
}

/// A model of all kinds, or of one.
inline Model made_model(size_t rows = 90, const std::string& kind_name = "",
                        int64_t trained_ms = 1'700'000'000'000) {
  Model model;
  model.features = {"cart_cpu_usage", "cart_syscalls", "pay_cpu_usage", "pay, \"odd\"", "pay_syscalls"};
  model.classes = {"cart/cpu", "heavy workload", "normal", "pay/loss"};
  const LabelledRows learnt = made_rows(rows, 7);
  model.standardiser = Standardiser::fit(learnt.features, learnt.columns);
  model.normal =
      Standardiser::of(std::vector<double>(learnt.columns, 0.5), std::vector<double>(learnt.columns, 0.9));
  ClassifierOptions options;
  options.trees = 8;
  for (const ClassifierKind& kind : classifier_kinds()) {
    if (kind_name.empty() || kind.name == kind_name)
      model.learnt.push_back({&kind, kind.fit(learnt, options)});
  }
  model.trained_ms = trained_ms;
  model.rows = rows;
  return model;
}

}  // namespace sonde::analyzer
