#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "analyzer/training/train.h"

namespace sonde::analyzer {
namespace {

using ::testing::HasSubstr;

constexpr size_t kRowsEach = 60;

/// Rows of three classes at a load: with it grow the columns, and with them how much they vary.
LabelledTable table_at(double load, uint64_t seed) {
  LabelledTable table;
  table.columns = {"cart_cpu_usage", "cart_packets"};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 1);
  for (const auto& [label, cpu, packets] :
       {std::tuple{"normal", 0.0, 0.0}, {"cart/cpu", 8.0, 0.0}, {"cart/loss", 0.0, -8.0}}) {
    for (size_t i = 0; i < kRowsEach; ++i) {
      table.cells.push_back(load * (20 + cpu + noise(random)));
      table.cells.push_back(load * (300 + packets + noise(random)));
      table.labels.emplace_back(label);
    }
  }
  return table;
}

Model model_at(double load) {
  std::vector<const ClassifierKind*> kinds;
  for (const ClassifierKind& kind : classifier_kinds()) kinds.push_back(&kind);
  return train_model(table_at(load, 1), kinds, {}, 1);
}

/// The share of rows whose label the model's classifier tells.
double told(const Model& model, const std::string& kind, const LabelledTable& table) {
  const LabelledRows rows = labelled_rows(table, model.standardiser, model.classes);
  size_t right = 0;
  for (size_t i = 0; i < rows.rows(); ++i)
    right += model.find(kind)->predict(rows.row(i)) == rows.classes[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(rows.rows());
}

TEST(Calibrate, WhatWasLearntAtOneLoadTellsAtAnother) {
  Model model = model_at(1);
  const LabelledTable busier = table_at(1.7, 2);
  for (const ClassifierKind& kind : classifier_kinds()) {
    EXPECT_GT(told(model, std::string(kind.name), table_at(1, 2)), 0.98) << kind.name;
    EXPECT_LT(told(model, std::string(kind.name), busier), 0.7) << kind.name;
  }
  ASSERT_TRUE(calibrate_model(model, table_at(1.7, 3), 2));
  EXPECT_EQ(model.trained_ms, 2);
  for (const ClassifierKind& kind : classifier_kinds())
    EXPECT_GT(told(model, std::string(kind.name), busier), 0.95) << kind.name;
  // And back again.
  ASSERT_TRUE(calibrate_model(model, table_at(1, 4), 3));
  EXPECT_GT(told(model, "svm", table_at(1, 2)), 0.95);
}

TEST(Calibrate, TheOrderOfTheTablesColumnsIsItsOwn) {
  Model model = model_at(1);
  Model same = model_at(1);
  LabelledTable table = table_at(1.7, 3);
  ASSERT_TRUE(calibrate_model(model, table, 2));
  std::swap(table.columns[0], table.columns[1]);
  for (size_t i = 0; i < table.cells.size(); i += 2) std::swap(table.cells[i], table.cells[i + 1]);
  ASSERT_TRUE(calibrate_model(same, table, 2));
  EXPECT_EQ(encode_model(same), encode_model(model));
}

TEST(Calibrate, WhatCannotBeGoneByIsNamedAndTheModelStays) {
  Model model = model_at(1);
  const std::string before = encode_model(model);
  LabelledTable table = table_at(1, 3);
  table.columns[1] = "cart_bytes";
  const auto lacking = calibrate_model(model, table, 2);
  ASSERT_FALSE(lacking);
  EXPECT_THAT(lacking.error().message, HasSubstr("cart_packets"));

  table = table_at(1, 3);
  for (size_t i = 29; i < kRowsEach; ++i) table.labels[i] = "cart/cpu";
  const auto few = calibrate_model(model, table, 2);
  ASSERT_FALSE(few);
  EXPECT_THAT(few.error().message, HasSubstr("29 rows without a fault are too few"));
  EXPECT_EQ(encode_model(model), before);

  table = table_at(1, 3);
  for (size_t i = 0; i < kRowsEach; ++i) table.cells[2 * i + 1] = std::numeric_limits<double>::quiet_NaN();
  const auto unmeasured = calibrate_model(model, table, 2);
  ASSERT_FALSE(unmeasured);
  EXPECT_THAT(unmeasured.error().message, HasSubstr("cart_packets has no value in any of the 60 rows"));
  EXPECT_EQ(encode_model(model), before);

  model.normal = {};
  const auto unknown = calibrate_model(model, table_at(1, 3), 2);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("without rows labelled normal"));
}

}  // namespace
}  // namespace sonde::analyzer
