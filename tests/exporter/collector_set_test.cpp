#include "exporter/collector_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr MetricRow kFast{"test_fast", MetricType::kGauge, "", "", "Of the collector that works."};
constexpr MetricRow kOther{"test_other", MetricType::kGauge, "", "", "Of the collector under test."};

/// A collector that does what the test says.
class Scripted final : public Collector {
 public:
  using Script = std::function<Result<void>(const CollectContext&, metrics::SeriesWriter&)>;
  explicit Scripted(Script script) : script_(std::move(script)) {}
  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    return script_(context, writer);
  }

 private:
  Script script_;
};

/// A door that collectors wait at until the test opens it.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  /// Until so many callers have come.
  void await(int callers) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= callers; });
  }
  int callers() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

/// A set of a collector that always works, "fast", and the scripted one, "other".
class CollectorSetTest : public testing::Test {
 protected:
  void make(Scripted::Script other) {
    std::vector<CollectorSet::Member> members;
    members.push_back({"other", std::make_unique<Scripted>(std::move(other))});
    members.push_back({"fast", std::make_unique<Scripted>([](const auto&, metrics::SeriesWriter& writer) {
                         writer.family(kFast);
                         writer.sample(1);
                         return Result<void>();
                       })});
    set_ = std::make_unique<CollectorSet>(std::move(members));
  }

  std::string scrape(
      SteadyClock::duration timeout, const CollectorFilter& wanted = [](std::string_view) { return true; }) {
    metrics::SeriesWriter writer;
    const auto no_containers = [] { return std::make_shared<const ContainerTable>(); };
    set_->scrape(no_containers, SteadyClock::now() + timeout, wanted, writer);
    return writer.take();
  }
  static double of(const std::string& page, const std::string& name, const std::string& collector) {
    return test::parse_exposition(page)->value("sonde_scrape_collector_" + name, {{"collector", collector}});
  }

  std::unique_ptr<CollectorSet> set_;
};

Result<void> write_other(metrics::SeriesWriter& writer, double value) {
  writer.family(kOther);
  writer.sample(value);
  return {};
}

TEST_F(CollectorSetTest, WritesTheMembersInOrderAndHowTheyDid) {
  make([](const auto&, metrics::SeriesWriter& writer) { return write_other(writer, 7); });
  const std::string page = scrape(seconds(30));
  EXPECT_LT(page.find("test_other 7"), page.find("test_fast 1"));
  EXPECT_EQ(of(page, "success", "other"), 1);
  EXPECT_EQ(of(page, "success", "fast"), 1);
  EXPECT_EQ(of(page, "busy", "other"), 0);
  EXPECT_GE(of(page, "duration_seconds", "other"), 0);
}

TEST_F(CollectorSetTest, GivesCollectorsTheScrapesDeadlineAndContainers) {
  SteadyTime deadline;
  make([&](const CollectContext& context, metrics::SeriesWriter&) {
    deadline = context.deadline;
    EXPECT_TRUE(context.containers.containers().empty());
    return Result<void>();
  });
  const SteadyTime before = SteadyClock::now();
  scrape(seconds(30));
  EXPECT_GE(deadline, before + seconds(30));
}

TEST_F(CollectorSetTest, LosesOnlyTheOutputOfACollectorThatFails) {
  make([](const auto&, metrics::SeriesWriter& writer) {
    writer.family(kOther);
    return Result<void>(fail(ErrorCode::kUnavailable, "broken"));
  });
  const std::string page = scrape(seconds(30));
  EXPECT_THAT(page, Not(HasSubstr("test_other")));
  EXPECT_THAT(page, HasSubstr("test_fast 1"));
  EXPECT_EQ(of(page, "success", "other"), 0);
  EXPECT_EQ(of(page, "busy", "other"), 0);
}

TEST_F(CollectorSetTest, LosesOnlyTheOutputOfACollectorThatThrows) {
  make([](const auto&, metrics::SeriesWriter&) -> Result<void> { throw std::runtime_error("thrown"); });
  const std::string page = scrape(seconds(30));
  EXPECT_THAT(page, HasSubstr("test_fast 1"));
  EXPECT_EQ(of(page, "success", "other"), 0);
}

TEST_F(CollectorSetTest, SkipsAStuckCollectorUntilItReturnsAndNeverLosesTheScrape) {
  Door door;
  make([&](const auto&, metrics::SeriesWriter& writer) {
    door.pass();
    return write_other(writer, 7);
  });

  const std::string late = scrape(milliseconds(500));
  EXPECT_THAT(late, HasSubstr("test_fast 1"));
  EXPECT_THAT(late, Not(HasSubstr("test_other")));
  EXPECT_EQ(of(late, "success", "other"), 0);
  EXPECT_EQ(of(late, "success", "fast"), 1);
  EXPECT_GE(of(late, "duration_seconds", "other"), 0.4);

  // With half a minute to go: were the stuck one waited for, the test would time out.
  for (int i = 0; i < 3; ++i) {
    const SteadyTime start = SteadyClock::now();
    const std::string skipped = scrape(seconds(3600));
    EXPECT_LT(SteadyClock::now() - start, seconds(1800));
    EXPECT_THAT(skipped, HasSubstr("test_fast 1"));
    EXPECT_EQ(of(skipped, "busy", "other"), 1);
    EXPECT_EQ(of(skipped, "success", "other"), 0);
  }
  EXPECT_EQ(door.callers(), 1) << "one call at a time, on one thread";

  door.open();
  const SteadyTime give_up = SteadyClock::now() + seconds(30);
  std::string page;
  do {
    page = scrape(seconds(30));
  } while (of(page, "success", "other") == 0 && SteadyClock::now() < give_up);
  EXPECT_THAT(page, HasSubstr("test_other 7")) << "it takes part again once it has returned";
}

TEST_F(CollectorSetTest, LetsParallelScrapesWaitForEachOtherAtACollector) {
  Door door;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> calls = 0;
  make([&](const auto&, metrics::SeriesWriter& writer) {
    most = std::max(most.load(), ++inside);
    door.pass();
    --inside;
    return write_other(writer, ++calls);
  });
  std::vector<std::string> pages(4);
  std::vector<std::thread> scrapers;
  scrapers.reserve(pages.size());
  for (std::string& page : pages) scrapers.emplace_back([&] { page = scrape(seconds(60)); });
  door.await(1);
  door.open();
  for (std::thread& scraper : scrapers) scraper.join();
  for (const std::string& page : pages) {
    EXPECT_EQ(of(page, "success", "other"), 1);
    EXPECT_THAT(page, HasSubstr("test_other "));
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(calls, 4);
}

TEST_F(CollectorSetTest, GivesNoCollectorAnOlderTableAfterANewerOneWhereScrapesAreParallel) {
  std::vector<size_t> given;  // the tables by their number of containers, which grows
  make([&](const CollectContext& context, metrics::SeriesWriter&) {
    given.push_back(context.containers.containers().size());
    return Result<void>();
  });
  std::atomic<size_t> taken = 0;
  std::atomic<int> done = 0;
  const auto take = [&] {
    const size_t number = ++taken;
    auto table = std::make_shared<const ContainerTable>(std::vector<Container>(number), ContainerTable());
    // The first one is slow between taking its table and giving it to the collectors: the second could pass
    // it.
    const SteadyTime give_up = SteadyClock::now() + milliseconds(300);
    while (number == 1 && done == 0 && SteadyClock::now() < give_up) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    return table;
  };
  const auto scrape = [&] {
    metrics::SeriesWriter writer;
    set_->scrape(take, SteadyClock::now() + seconds(60), [](std::string_view) { return true; }, writer);
    ++done;
  };
  std::thread first(scrape);
  while (taken == 0) std::this_thread::yield();
  scrape();
  first.join();
  EXPECT_THAT(given, testing::ElementsAre(1, 2));
}

TEST_F(CollectorSetTest, RunsOnlyWhatIsWanted) {
  make([](const auto&, metrics::SeriesWriter& writer) { return write_other(writer, 7); });
  const std::string page = scrape(seconds(30), [](std::string_view name) { return name == "fast"; });
  EXPECT_THAT(page, Not(HasSubstr("other")));
  EXPECT_THAT(page, HasSubstr("test_fast 1"));
}

TEST_F(CollectorSetTest, EndsWithoutAStuckCollectorAndSaysSo) {
  Door door;
  make([&](const auto&, metrics::SeriesWriter&) {
    door.pass();
    return Result<void>();
  });
  // A job that is given up before its thread had a turn is never run: asked until the collector is inside.
  while (door.callers() == 0) scrape(milliseconds(20));
  EXPECT_FALSE(set_->stop(milliseconds(20)));
  EXPECT_EQ(of(scrape(seconds(30)), "success", "fast"), 0) << "no work is taken after the end";
  door.open();
  EXPECT_TRUE(set_->stop(seconds(30)));
}

}  // namespace
}  // namespace sonde::exporter
