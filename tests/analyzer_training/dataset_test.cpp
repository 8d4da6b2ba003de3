#include "analyzer/training/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/training/table_file.h"

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kStep = 1000;

ServiceFeatures features(std::initializer_list<std::pair<const std::string, double>> values) {
  ServiceFeatures made;
  for (const auto& [name, value] : values) made.values[name] = value;
  return made;
}

/// A fault of cart that is in place, and proven, at the steps [from, to).
FaultTimeline timeline_with_fault(int64_t from, int64_t to, int64_t steps) {
  FaultTimeline timeline(kStep);
  std::vector<Sample> samples;
  for (int64_t i = 0; i < steps; ++i) samples.push_back({i * kStep, i >= from && i < to ? 1.0 : 0.0});
  for (const char* const name : {"sonde_fault_in_place", "sonde_fault_active"}) {
    timeline.ingest(LabelSet({{"__name__", name}, {"service", "cart"}, {"fault", "cpu"}}), samples);
  }
  return timeline;
}

TEST(Dataset, LabelsRowsAndCountsWhatIsLeftOut) {
  DatasetBuilder builder;
  for (int64_t i = 0; i < 20; ++i) {
    const int64_t time_ms = i * kStep + 500;
    builder.add(time_ms, time_ms - 2 * kStep,
                features({{"cart_cpu", static_cast<double>(i)}, {"pay_cpu", i == 3 ? kGap : 2.0}}));
  }
  const Dataset dataset = builder.finish(timeline_with_fault(8, 14, 20), 1000, 0.8);
  EXPECT_THAT(dataset.table.columns, ElementsAre("cart_cpu", "pay_cpu"));
  EXPECT_THAT(dataset.table.labels,
              ElementsAre("normal", "normal", "normal", "normal", "normal", "normal", "cart/cpu", "cart/cpu",
                          "cart/cpu", "normal", "normal", "normal"));
  EXPECT_THAT(dataset.table.groups, ElementsAre("0", "0", "0", "0", "0", "0", "1", "1", "1", "2", "2", "2"));
  EXPECT_EQ(dataset.left_out.at(LeftOut::kStraddles), 6U);
  EXPECT_EQ(dataset.left_out.at(LeftOut::kMissingFeature), 1U);
  EXPECT_EQ(dataset.left_out.at(LeftOut::kSettling), 1U);
  EXPECT_EQ(dataset.table.cells[2 * 6], 10.0);
  EXPECT_EQ(dataset.times_ms[6], 10'500);
}

TEST(Dataset, AFeatureThatFewRowsHaveCostsNoRows) {
  DatasetBuilder builder;
  for (int64_t i = 0; i < 10; ++i) {
    ServiceFeatures row = features({{"cart_cpu", 1}});
    if (i > 7) row.values["job_cpu"] = 1;
    builder.add(i * kStep, (i - 2) * kStep, row);
  }
  const Dataset dataset = builder.finish(FaultTimeline(kStep), 0, 0.9);
  EXPECT_THAT(dataset.table.columns, ElementsAre("cart_cpu"));
  EXPECT_THAT(dataset.dropped, ElementsAre("job_cpu"));
  EXPECT_EQ(dataset.table.rows(), 10U);
}

TEST(Dataset, CsvReadsBackAsTheSameTable) {
  Dataset dataset;
  dataset.table.columns = {"cart_cpu", "odd, \"name\""};
  dataset.table.cells = {0.1, 1e-9, 1.0 / 3, 12345678.9};
  dataset.table.labels = {"normal", "cart/cpu"};
  dataset.table.groups = {"0", "17"};
  dataset.times_ms = {1'700'000'000'007, 1'700'000'015'250};
  const std::string csv = dataset_csv(dataset, true);
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "time,cart_cpu,\"odd, \"\"name\"\"\",injection,label");
  EXPECT_NE(csv.find("\n1700000000.007,0.1,1e-09,0,normal\n"), std::string::npos) << csv;
  const auto table = parse_labelled_table(csv, "made", "injection");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->columns, dataset.table.columns);
  EXPECT_EQ(table->cells, dataset.table.cells);
  EXPECT_EQ(table->labels, dataset.table.labels);
  EXPECT_EQ(table->groups, dataset.table.groups);
  const auto bare = parse_labelled_table(dataset_csv(dataset, false), "made", "");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->columns, dataset.table.columns);
}

}  // namespace
}  // namespace sonde::analyzer
