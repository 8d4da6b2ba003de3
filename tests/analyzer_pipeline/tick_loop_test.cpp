#include "analyzer/pipeline/tick_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "analyzer/config/config.h"
#include "analyzer/pipeline/options.h"
#include "common/clock.h"
#include "tests/analyzer_models/made_model.h"
#include "tests/analyzer_pipeline/synthetic_shop.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::analyzer {
namespace {

/// A shop whose Prometheus can fail.
class FailingShop : public Source {
 public:
  explicit FailingShop(const ShopScenario& scenario) : shop_(scenario) {}

  Result<ReadStats> read(const ReadQuery& query, const SeriesSink& sink) override {
    last_query_ = query;
    ++reads_;
    if (error_) return tl::unexpected(*error_);
    return shop_.read(query, sink);
  }

  SyntheticShop shop_;
  std::optional<Error> error_;
  ReadQuery last_query_;
  unsigned reads_ = 0;
};

class TickLoopTest : public testing::Test {
 protected:
  TickLoopTest() {
    Config config = default_config();
    config.analysis.interval = Milliseconds(SyntheticShop::kStepMs);
    options_.interval_ms = SyntheticShop::kStepMs;
    options_.history_ms = 600'000;
    options_.analysis = analysis_options(config);
    mapper_ = std::make_shared<const MetricMapper>(*MetricMapper::compile(config.metric_map));
    loop_ = std::make_unique<TickLoop>(options_, mapper_, source_, store_, health_);
  }

  /// Plays the shop up to a time since its start and ticks then.
  TickLoop::Outcome tick(int64_t since_start_ms) {
    source_.shop_.run_until(since_start_ms);
    return loop_->tick(SyntheticShop::kStartMs + since_start_ms);
  }
  [[nodiscard]] int64_t last_time() const {
    return store_.last() ? store_.last()->time_ms - SyntheticShop::kStartMs : -1;
  }

  FailingShop source_{{.seed = 5, .hog_container = "api-2", .hog_from_ms = 100'000}};
  TickLoopOptions options_;
  std::shared_ptr<const MetricMapper> mapper_;
  ReportStore store_;
  HealthBoard health_{tick_failure_reasons()};
  std::unique_ptr<TickLoop> loop_;
};

TEST_F(TickLoopTest, TheFirstTickReadsTheHistoryAndNeedsNoWarmUp) {
  source_.shop_.run_until(112'000);
  EXPECT_TRUE(tick(112'000).published);
  ASSERT_EQ(store_.last()->findings.size(), 1U);
  EXPECT_EQ(store_.last()->findings[0].entity.container, "api-2");
}

TEST_F(TickLoopTest, TakesUpAModelThatIsSavedMeanwhileAndCountsWhyNoClassIsTold) {
  tick(60'000);
  EXPECT_FALSE(store_.last()->classes);  // no classifier is configured
  const sonde::test::ScratchDirectory folder;
  options_.models = std::make_shared<ModelWatch>(folder.path());
  loop_ = std::make_unique<TickLoop>(options_, mapper_, source_, store_, health_);
  tick(62'000);
  ASSERT_TRUE(store_.last()->classes);
  EXPECT_EQ(store_.last()->classes->abstained, Abstention::kNoModel);
  EXPECT_EQ(health_.read().abstentions.at("no_model"), 1U);
  Model model = made_model();
  model.features = {"api_cpu_usage", "postgres_cpu_usage", "redis_cpu_usage", "nginx_cpu_usage",
                    "haproxy_cpu_usage"};
  ASSERT_TRUE(save_model(folder.path(), model));
  tick(64'000);
  EXPECT_EQ(store_.last()->classes->probabilities.size(), 4U);
  model.features[0] = "cart_cpu_usage";
  ASSERT_TRUE(save_model(folder.path(), model));
  tick(66'000);
  EXPECT_EQ(store_.last()->classes->abstained, Abstention::kMissingFeature);
  EXPECT_EQ(health_.read().abstentions.at("missing_feature"), 1U);
  EXPECT_EQ(health_.read().abstentions.at("no_model"), 1U);
}

TEST_F(TickLoopTest, LaterTicksReadOnlyWhatIsNew) {
  tick(60'000);
  tick(62'000);
  EXPECT_GE(source_.last_query_.start_ms, SyntheticShop::kStartMs + 50'000);
  EXPECT_EQ(source_.last_query_.end_ms, SyntheticShop::kStartMs + 62'000);
}

TEST_F(TickLoopTest, TheNextTickIsDueRightAfterTheNextScrape) {
  // Scrapes are at 0.7 s of every 2 s.
  const TickLoop::Outcome outcome = tick(61'100);
  EXPECT_TRUE(outcome.published);
  EXPECT_EQ(last_time(), 60'700);
  const int64_t next = outcome.next_ms - SyntheticShop::kStartMs;
  EXPECT_GT(next, 62'700);
  EXPECT_LT(next, 63'300);
}

TEST_F(TickLoopTest, ATickInVainLooksAgainSoonButNotForEver) {
  tick(61'100);
  int64_t now = 62'710;
  source_.error_.reset();
  int64_t pauses = 0;
  unsigned looks = 0;
  for (; looks < 30; ++looks) {
    const TickLoop::Outcome outcome = loop_->tick(SyntheticShop::kStartMs + now);  // nothing new is scraped
    EXPECT_FALSE(outcome.published);
    const int64_t pause = outcome.next_ms - SyntheticShop::kStartMs - now;
    if (pause >= options_.interval_ms) break;
    pauses += pause;
    now += pause;
  }
  EXPECT_GT(looks, 2U);
  EXPECT_LT(looks, 12U);
  EXPECT_LT(pauses, 2 * options_.interval_ms);
}

TEST_F(TickLoopTest, AFailedReadKeepsTheLastReportAndIsCounted) {
  tick(61'100);
  const ReportPointer before = store_.last();
  source_.error_ = Error{ErrorCode::kTimeout, "the deadline passed"};
  const TickLoop::Outcome outcome = tick(63'100);
  EXPECT_FALSE(outcome.read);
  EXPECT_EQ(store_.last(), before);
  EXPECT_EQ(health_.read().failures.at("timeout"), 1U);
  EXPECT_EQ(health_.read().ticks, 2U);
}

TEST_F(TickLoopTest, AfterAnOutageItRecoversWithinTwoTicksAndCatchesUp) {
  for (int64_t time = 61'100; time < 90'000; time += 2000) tick(time);
  source_.error_ = Error{ErrorCode::kUnavailable, "connection refused"};
  for (int64_t time = 91'100; time < 103'000; time += 2000) tick(time);
  EXPECT_LT(last_time(), 90'000);
  source_.error_.reset();
  tick(109'100);
  EXPECT_GE(last_time(), 108'000);
  // The fault began during the outage; the columns were read back, so that it is named at once.
  ASSERT_EQ(store_.last()->findings.size(), 1U);
  EXPECT_EQ(store_.last()->findings[0].entity.container, "api-2");
}

TEST_F(TickLoopTest, EveryColumnIsJudgedOnceInOrder) {
  int64_t before = -1;
  unsigned published = 0;
  for (int64_t time = 20'000; time < 60'000; time += 500) {
    const TickLoop::Outcome outcome = tick(time);
    if (!outcome.published) continue;
    ++published;
    EXPECT_GT(last_time(), before);
    before = last_time();
  }
  EXPECT_GE(published, 18U);
  EXPECT_LE(published, 21U);
}

TEST(TickFailureReasons, AreDistinct) {
  std::vector<std::string> reasons = tick_failure_reasons();
  std::ranges::sort(reasons);
  EXPECT_EQ(std::ranges::adjacent_find(reasons), reasons.end());
  EXPECT_GE(reasons.size(), 10U);
}

/// Answers with counters that grow by the wall clock, so that every read finds something.
class LiveSource : public Source {
 public:
  Result<ReadStats> read(const ReadQuery& query, const SeriesSink& sink) override {
    std::vector<Sample> samples;
    for (int64_t time = query.start_ms / 200 * 200; time <= query.end_ms; time += 200) {
      if (time >= query.start_ms) samples.push_back({time, static_cast<double>(time % 1'000'000'000)});
    }
    sink(LabelSet({{"__name__", "sonde_container_cpu_usage_seconds_total"},
                   {"namespace", "n"},
                   {"pod", "p"},
                   {"container", "p"},
                   {"service", "s"}}),
         samples);
    ++reads_;
    return ReadStats{.series = 1, .samples = samples.size()};
  }
  std::atomic<unsigned> reads_ = 0;
};

// Under ThreadSanitizer: the loop publishes while others read, and ends when asked.
TEST(TickThread, PublishesUntilItEnds) {
  LiveSource source;
  ReportStore store;
  HealthBoard health(tick_failure_reasons());
  TickLoopOptions options;
  options.interval_ms = 200;
  options.history_ms = 20'000;
  options.analysis.step_ms = 200;
  auto mapper = std::make_shared<const MetricMapper>(*MetricMapper::compile(default_config().metric_map));
  auto thread =
      std::make_unique<TickThread>(std::make_unique<TickLoop>(options, mapper, source, store, health));
  const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(60);
  int64_t first = 0;
  while (SteadyClock::now() < deadline) {
    const ReportPointer report = store.last();
    static_cast<void>(health.read());
    if (report && first == 0) first = report->time_ms;
    if (report && report->time_ms > first + 400) break;
    std::this_thread::yield();
  }
  EXPECT_GT(store.last()->time_ms, first);
  thread.reset();
  const unsigned reads = source.reads_;
  EXPECT_EQ(source.reads_, reads);
  EXPECT_EQ(health.read().failures.at("timeout"), 0U);
}

}  // namespace
}  // namespace sonde::analyzer
