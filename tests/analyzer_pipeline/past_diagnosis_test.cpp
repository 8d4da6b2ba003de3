#include "analyzer/pipeline/past_diagnosis.h"

#include <gtest/gtest.h>

#include "analyzer/config/config.h"
#include "analyzer/pipeline/options.h"
#include "tests/analyzer_pipeline/synthetic_shop.h"

namespace sonde::analyzer {
namespace {

constexpr int64_t kFaultMs = 100'000;

class PastDiagnosis : public testing::Test {
 protected:
  PastDiagnosis() { shop_.run_until(140'000); }

  Result<ReportPointer> at(int64_t since_start_ms, int64_t window_ms = 0,
                           int64_t default_window_ms = 600'000) {
    Config config = default_config();
    config.analysis.interval = Milliseconds(SyntheticShop::kStepMs);
    auto mapper = std::make_shared<const MetricMapper>(*MetricMapper::compile(config.metric_map));
    return diagnose_past(analysis_options(config), mapper, shop_, default_window_ms,
                         {SyntheticShop::kStartMs + since_start_ms, window_ms});
  }

  SyntheticShop shop_{{.seed = 3, .hog_container = "redis", .hog_from_ms = kFaultMs}};
};

TEST_F(PastDiagnosis, DuringTheFaultNamesTheContainer) {
  const Result<ReportPointer> report = at(kFaultMs + 12'000);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ((*report)->findings.size(), 1U);
  EXPECT_EQ((*report)->findings[0].entity.container, "redis");
  EXPECT_EQ((*report)->findings[0].fault, "cpu_usage");
  EXPECT_FALSE((*report)->findings[0].evidence.empty());
}

TEST_F(PastDiagnosis, BeforeTheFaultNamesNobodyAndSeesNothingOfTheFuture) {
  const Result<ReportPointer> report = at(kFaultMs - 2000);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE((*report)->findings.empty());
  EXPECT_LE((*report)->time_ms, SyntheticShop::kStartMs + kFaultMs - 2000);
}

TEST_F(PastDiagnosis, AWindowTooShortToLearnFromSaysSo) {
  const Result<ReportPointer> report = at(kFaultMs + 12'000, 20'000);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE((*report)->findings.empty());
  bool learning = false;
  for (const Score& score : (*report)->scores) learning = learning || score.reason.starts_with("learning: ");
  EXPECT_TRUE(learning);
}

TEST_F(PastDiagnosis, ATimeWithoutSamplesIsNotFound) {
  const Result<ReportPointer> report = at(-3'600'000);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
}

TEST_F(PastDiagnosis, AWindowOfTooManyColumnsIsRefusedBeforeAnythingIsRead) {
  const Result<ReportPointer> report = at(kFaultMs, 4'000'001);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(report.error().message.find('\n'), std::string::npos);
  EXPECT_NE(report.error().message.find("ask for window=4000s or less"), std::string::npos)
      << report.error().message;
  EXPECT_TRUE(at(kFaultMs, 4'000'000));
}

TEST_F(PastDiagnosis, TheConfiguredWindowIsNeverTooLong) {
  EXPECT_TRUE(at(kFaultMs, 0, 5'000'000));
  EXPECT_TRUE(at(kFaultMs, 5'000'000, 5'000'000));
}

// The same samples give the same verdict, whether they came tick by tick or as one window.
TEST_F(PastDiagnosis, GivesTheSameScoresAsTheTicksGave) {
  Config config = default_config();
  config.analysis.interval = Milliseconds(SyntheticShop::kStepMs);
  auto mapper = std::make_shared<const MetricMapper>(*MetricMapper::compile(config.metric_map));
  Analysis live(analysis_options(config), mapper);
  const int64_t until = SyntheticShop::kStartMs + kFaultMs + 12'000;
  std::optional<Report> last;
  for (int64_t now = SyntheticShop::kStartMs + 1000; now <= until; now += SyntheticShop::kStepMs) {
    ASSERT_TRUE(shop_.read({mapper->selectors(), SyntheticShop::kStartMs, now, 0},
                           [&](const LabelSet& labels, auto samples) { live.ingest(labels, samples); }));
    if (std::optional<Report> report = live.advance(now, now)) last = std::move(report);
  }
  const Result<ReportPointer> past = at(kFaultMs + 12'000);
  ASSERT_TRUE(past && last);
  EXPECT_EQ(last->time_ms, (*past)->time_ms);
  ASSERT_EQ(last->scores.size(), (*past)->scores.size());
  for (size_t i = 0; i < last->scores.size(); ++i) {
    EXPECT_EQ(last->scores[i].entity, (*past)->scores[i].entity);
    if (last->scores[i].detector == "change_rate") continue;
    EXPECT_DOUBLE_EQ(last->scores[i].value, (*past)->scores[i].value) << last->scores[i].entity.container;
  }
}

}  // namespace
}  // namespace sonde::analyzer
