#include "analyzer/training/build_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "analyzer/config/config.h"
#include "analyzer/pipeline/analysis.h"
#include "analyzer/training/train.h"
#include "tests/analyzer_pipeline/synthetic_shop.h"

namespace sonde::analyzer {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kHogMs = 400'000;
constexpr int64_t kEndMs = 800'000;
constexpr int64_t kShopPhaseMs = 700;  ///< of its scrapes within a step

/// The made-up shop with a CPU hog in postgres from half way on, and what an injector would have said of it.
class HoggedShop : public Source {
 public:
  HoggedShop() { shop_.run_until(kEndMs); }

  Result<ReadStats> read(const ReadQuery& query, const SeriesSink& sink) override {
    ++reads_;
    for (const char* const name : {"sonde_fault_in_place", "sonde_fault_active"}) {
      sink_late(
          query, sink,
          LabelSet({{"__name__", name}, {"namespace", "shop"}, {"service", "postgres"}, {"fault", "cpu"}}),
          [](int64_t time) { return time > kHogMs ? 1.0 : 0.0; });
    }
    if (missed_ms_ == 0) return shop_.read(query, sink);
    sink_late(
        query, sink,
        LabelSet({{"__name__", "sonde_container_syscalls_total"}, {"container", "c"}, {"service", "late"}}),
        [](int64_t time) { return static_cast<double>(time); });
    return shop_.read(query, [&](const LabelSet& labels, std::span<const Sample> samples) {
      std::vector<Sample> kept(samples.begin(), samples.end());
      std::erase_if(kept, [&](const Sample& sample) { return sample.timestamp_ms == missed_ms_; });
      if (!kept.empty()) sink(labels, kept);
    });
  }
  /// The shop's scrape at this time fails, while a target that is scraped later in the step is read.
  void miss_scrape(int64_t time_ms) { missed_ms_ = SyntheticShop::kStartMs + time_ms; }
  [[nodiscard]] int reads() const { return reads_; }

 private:
  /// A series whose scrapes lie 900 ms behind the shop's.
  static void sink_late(const ReadQuery& query, const SeriesSink& sink, const LabelSet& labels,
                        const std::function<double(int64_t)>& value_at) {
    std::vector<Sample> samples;
    for (int64_t time = kShopPhaseMs + 900; time < kEndMs; time += SyntheticShop::kStepMs) {
      const int64_t time_ms = SyntheticShop::kStartMs + time;
      if (time_ms < query.start_ms || time_ms > query.end_ms) continue;
      samples.push_back({time_ms, value_at(time)});
    }
    if (!samples.empty()) sink(labels, samples);
  }

  SyntheticShop shop_{{.seed = 3, .hog_container = "postgres", .hog_from_ms = kHogMs}};
  int64_t missed_ms_ = 0;
  int reads_ = 0;
};

DatasetOptions shop_options() {
  return {.from_ms = SyntheticShop::kStartMs + 20'000,
          .to_ms = SyntheticShop::kStartMs + kEndMs,
          .step_ms = SyntheticShop::kStepMs,
          .settle_ms = 10'000,
          .presence = 0.9,
          .name_space = ""};
}

TEST(BuildDataset, RowsAreWhatTheRunningAnalyzerSeesAndAModelTellsTheFault) {
  HoggedShop source;
  const auto mapper =
      std::make_shared<const MetricMapper>(*MetricMapper::compile(default_config().metric_map));
  const Result<Dataset> dataset = build_dataset(source, *mapper, shop_options());
  ASSERT_TRUE(dataset) << dataset.error().message;
  EXPECT_THAT(dataset->table.columns, Contains("postgres_cpu_usage"));
  EXPECT_THAT(dataset->table.columns, Contains("api_network_receive_bytes"));
  EXPECT_GT(std::ranges::count(dataset->table.labels, "normal"), 100);
  EXPECT_GT(std::ranges::count(dataset->table.labels, "postgres/cpu"), 100);
  EXPECT_THAT(dataset_summary(*dataset), HasSubstr("postgres/cpu"));

  std::vector<const ClassifierKind*> kinds;
  for (const ClassifierKind& kind : classifier_kinds()) kinds.push_back(&kind);
  const StoredModel stored{
      std::make_shared<const Model>(train_model(dataset->table, kinds, {}, 1)), "made", 1, {}};

  // The analyzer that runs sees, in its columns, the rows of the data set.
  SyntheticShop shop({.seed = 3, .hog_container = "postgres", .hog_from_ms = kHogMs});
  for (const auto& [until, fault] :
       {std::pair<int64_t, std::string>{kHogMs - 20'000, "normal"}, {kEndMs, "cpu"}}) {
    AnalysisOptions options;
    options.step_ms = SyntheticShop::kStepMs;
    options.model = std::make_shared<const StoredModel>(stored);
    Analysis analysis(options, mapper);
    shop.run_until(until);
    ASSERT_TRUE(shop.read(
        {{}, SyntheticShop::kStartMs + until - 100'000, SyntheticShop::kStartMs + until, 0},
        [&](const LabelSet& labels, std::span<const Sample> samples) { analysis.ingest(labels, samples); }));
    const int64_t now_ms = SyntheticShop::kStartMs + until;
    const std::optional<Report> report = analysis.advance(now_ms, now_ms);
    ASSERT_TRUE(report && report->classes);
    EXPECT_EQ(report->classes->abstained, Abstention::kNone) << report->classes->reason;
    EXPECT_EQ(report->classes->most.fault, fault);
    EXPECT_EQ(report->classes->most.service, fault == "cpu" ? "postgres" : "");
    EXPECT_EQ(report->classes->most.name_space, fault == "cpu" ? "shop" : "");
  }
}

TEST(BuildDataset, OnlyWhoAsksForFaultsIsToldThatNoneIsKnown) {
  Dataset dataset;
  dataset.table.labels = {"normal"};
  EXPECT_THAT(dataset_summary(dataset), Not(HasSubstr("sonde_fault_in_place")));
  dataset.knows_faults = false;
  EXPECT_THAT(dataset_summary(dataset), HasSubstr("no sonde_fault_in_place between --from and --to"));
  EXPECT_THAT(dataset_summary(dataset, false), Not(HasSubstr("sonde_fault_in_place")));
}

TEST(BuildDataset, PartsReadOneByOneGiveTheSameRowsAsOneRead) {
  // Steps of 2 s: an hour's part holds it all; steps so small that a part is 100 of them do not.
  HoggedShop whole;
  const MetricMapper mapper = *MetricMapper::compile(default_config().metric_map);
  DatasetOptions options = shop_options();
  const Result<Dataset> once = build_dataset(whole, mapper, options);
  HoggedShop parted;
  options.part_ms = 100'000;
  const Result<Dataset> parts = build_dataset(parted, mapper, options);
  ASSERT_TRUE(once && parts);
  EXPECT_EQ(whole.reads(), 1);
  EXPECT_GT(parted.reads(), 7);
  EXPECT_EQ(parts->times_ms, once->times_ms);
  EXPECT_EQ(parts->table.labels, once->table.labels);
  EXPECT_EQ(parts->table.cells, once->table.cells);
}

/// When the first row with the label is, in steps since the fault began.
int64_t first_step(const Dataset& dataset, const std::string& label) {
  const auto found = std::ranges::find(dataset.table.labels, label);
  const int64_t time_ms = dataset.times_ms.at(static_cast<size_t>(found - dataset.table.labels.begin()));
  return (time_ms - SyntheticShop::kStartMs - kHogMs) / SyntheticShop::kStepMs;
}

// The column of a missed scrape repeats rates of before it, and the rates of the next reach across it.
TEST(BuildDataset, RowsThatReachAcrossAMissedScrapeToBeforeTheFaultAreLeftOut) {
  const MetricMapper mapper = *MetricMapper::compile(default_config().metric_map);
  std::vector<int64_t> first;
  for (const int64_t missed : {20, 1, 2}) {
    HoggedShop shop;
    shop.miss_scrape(kHogMs + kShopPhaseMs + missed * SyntheticShop::kStepMs);
    const Result<Dataset> dataset = build_dataset(shop, mapper, shop_options());
    ASSERT_TRUE(dataset);
    first.push_back(first_step(*dataset, "postgres/cpu"));
    EXPECT_EQ(dataset->left_out.at(LeftOut::kStraddles), missed == 20 ? 2U : 3U) << missed;
    EXPECT_EQ(dataset->left_out.at(LeftOut::kMissingFeature), 0U) << missed;
  }
  EXPECT_EQ(first, (std::vector<int64_t>{2, 3, 3}));
}

TEST(BuildDataset, AServiceOfTwoNamespacesIsAmbiguousUntilOneIsChosen) {
  const std::vector<Entity> entities = {{"blue", "p", "c", "cart"}, {"green", "p", "c", "cart"}};
  EXPECT_THAT(service_features(entities, {}, "").ambiguous, Contains("cart"));
  EXPECT_TRUE(service_features(entities, {}, "blue").ambiguous.empty());
}

TEST(BuildDataset, NothingThereIsAnError) {
  HoggedShop source;
  const MetricMapper mapper = *MetricMapper::compile(default_config().metric_map);
  DatasetOptions options = shop_options();
  options.from_ms = SyntheticShop::kStartMs + 5'000'000;
  options.to_ms = options.from_ms + 60'000;
  const Result<Dataset> dataset = build_dataset(source, mapper, options);
  ASSERT_FALSE(dataset);
  EXPECT_EQ(dataset.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(dataset.error().message, HasSubstr("no row is left"));
}

}  // namespace
}  // namespace sonde::analyzer
