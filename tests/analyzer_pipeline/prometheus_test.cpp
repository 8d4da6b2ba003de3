// The analyzer's runtime against Debian's Prometheus, which is stopped and started meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "analyzer/runtime.h"
#include "common/clock.h"
#include "tests/analyzer_pipeline/synthetic_shop.h"
#include "tests/identity/scratch_directory.h"
#include "tests/support/prometheus_server.h"

namespace sonde::analyzer {
namespace {

using testing::HasSubstr;

constexpr int64_t kFaultMs = 110'000;
constexpr int64_t kNowMs = 122'000;

/// Waits for what must come true; no time is asserted.
bool eventually(const std::function<bool()>& holds) {
  const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(60);
  while (SteadyClock::now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return holds();
}

/// The made-up shop's last two minutes in a real Prometheus, as if they had just been scraped.
class AnalyzerPrometheus : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(prometheus_.error(), "");
    shift_ms_ = unix_milliseconds_now() - SyntheticShop::kStartMs - kNowMs;
    write(0, kNowMs);
    configure("");
  }

  void configure(const std::string& more) {
    std::ofstream(config_file_) << "prometheus: {url: '" << prometheus_.url() << "', timeout: 2s}\n"
                                << "analysis: {interval: 2s}\n"
                                << more;
  }

  /// Writes what was scraped in (from, until] since the shop's start.
  void write(int64_t from_ms, int64_t until_ms) {
    shop_.run_until(until_ms);
    std::vector<test::WrittenSeries> all;
    ASSERT_TRUE(shop_.read({{}, SyntheticShop::kStartMs + from_ms + 1, SyntheticShop::kStartMs + until_ms, 0},
                           [&](const LabelSet& labels, std::span<const Sample> samples) {
                             test::WrittenSeries& series = all.emplace_back();
                             series.labels = labels.pairs();
                             for (const Sample& sample : samples) {
                               series.samples.push_back({sample.timestamp_ms + shift_ms_, sample.value});
                             }
                           }));
    ASSERT_EQ(prometheus_.write(all), "");
  }

  /// Writes on up to the present.
  void catch_up() {
    const int64_t now = unix_milliseconds_now() - SyntheticShop::kStartMs - shift_ms_;
    write(written_ms_, now);
    written_ms_ = now;
  }

  static std::string culprit(const ReportPointer& report) {
    return report && !report->findings.empty() ? report->findings[0].entity.container : "";
  }

  test::PrometheusServer prometheus_;
  sonde::test::ScratchDirectory folder_;
  std::string config_file_ = folder_.path() + "/analyzer.yml";
  SyntheticShop shop_{{.seed = 11, .hog_container = "postgres", .hog_from_ms = kFaultMs}};
  int64_t shift_ms_ = 0;
  int64_t written_ms_ = kNowMs;
};

TEST_F(AnalyzerPrometheus, NamesTheCulpritFromTheHistoryAtItsFirstTick) {
  Runtime runtime(config_file_);
  ASSERT_TRUE(runtime.load());
  runtime.start();
  ASSERT_TRUE(eventually([&] { return runtime.reports().last() != nullptr; }));
  const ReportPointer report = runtime.reports().last();
  EXPECT_EQ(culprit(report), "postgres");
  EXPECT_EQ(report->services.size(), 5U);
  EXPECT_GT(report->series_read, 50U);
}

TEST_F(AnalyzerPrometheus, OutlivesPrometheusAndRecovers) {
  Runtime runtime(config_file_);
  ASSERT_TRUE(runtime.load());
  runtime.start();
  ASSERT_TRUE(eventually([&] { return runtime.reports().last() != nullptr; }));
  prometheus_.stop();
  ASSERT_TRUE(eventually([&] { return runtime.health().read().failures.at("connect") >= 2; }));
  const ReportPointer kept = runtime.reports().last();
  EXPECT_EQ(culprit(kept), "postgres");
  ASSERT_TRUE(eventually([&] {
    return fresh_report(runtime.reports().last(), unix_milliseconds_now(), runtime.max_age_ms()) == nullptr;
  })) << "results are withdrawn past max_age";

  prometheus_.start();
  ASSERT_EQ(prometheus_.error(), "");
  const uint64_t failed_before = runtime.health().read().ticks;
  catch_up();
  ASSERT_TRUE(eventually([&] { return runtime.reports().last()->time_ms > kept->time_ms; }));
  EXPECT_LE(runtime.health().read().ticks, failed_before + 4) << "within two ticks, and a look again or two";
  EXPECT_EQ(culprit(runtime.reports().last()), "postgres");
}

TEST_F(AnalyzerPrometheus, DiagnosesAPastTimeByReadingItsWindowBack) {
  Runtime runtime(config_file_);
  ASSERT_TRUE(runtime.load());
  runtime.start();
  const int64_t fault = SyntheticShop::kStartMs + shift_ms_ + kFaultMs;
  const Result<ReportPointer> before = runtime.diagnose_past({fault - 4000, 0});
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(culprit(*before), "");
  const Result<ReportPointer> during = runtime.diagnose_past({fault + 9000, 0});
  ASSERT_TRUE(during) << during.error().message;
  EXPECT_EQ(culprit(*during), "postgres");
}

TEST_F(AnalyzerPrometheus, AWrongConfigurationLeavesTheOldOneInUse) {
  Runtime runtime(config_file_);
  ASSERT_TRUE(runtime.load());
  runtime.start();
  configure("diagnosis: {minimum_strenght: 5}\n");
  const Result<void> refused = runtime.reload();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("analyzer.yml:3: diagnosis.minimum_strenght: unknown key"));
  EXPECT_FALSE(runtime.health().read().reload_successful);
  ASSERT_TRUE(eventually([&] { return runtime.reports().last() != nullptr; })) << "the old one still ticks";

  configure("diagnosis: {minimum_strength: 1000000}\n");
  ASSERT_TRUE(runtime.reload());
  EXPECT_TRUE(runtime.health().read().reload_successful);
  ASSERT_TRUE(eventually([&] { return culprit(runtime.reports().last()).empty(); }))
      << "the new one names nobody below its strength";
}

TEST_F(AnalyzerPrometheus, AMissingFileEndsTheStart) {
  Runtime runtime(folder_.path() + "/none.yml");
  const Result<void> loaded = runtime.load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("none.yml"));
}

}  // namespace
}  // namespace sonde::analyzer
