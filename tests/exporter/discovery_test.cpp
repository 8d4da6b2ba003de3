#include "exporter/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/file_descriptor.h"
#include "tests/identity/scratch_directory.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> paths_of(const ContainerTable& table) {
  std::vector<std::string> paths;
  for (const Container& container : table.containers()) paths.push_back(container.path);
  return paths;
}

/// A watch that announces what the test tells it to.
class ScriptedWatch final : public CgroupWatch {
 public:
  [[nodiscard]] int descriptor() const override { return descriptor_.get(); }
  bool take(const std::function<void(const CgroupEvent&)>& on_event) override {
    const std::lock_guard lock(mutex_);
    ++takes_;
    eventfd_t ignored = 0;
    eventfd_read(descriptor_.get(), &ignored);
    for (const Event& event : events_) on_event({event.kind, 0, event.id, event.path});
    events_.clear();
    return std::exchange(lost_, false);
  }
  void before_listing(const std::string& /*directory*/) override {}
  [[nodiscard]] bool watches_directories() const override { return false; }
  [[nodiscard]] bool tells_populated() const override { return tells_populated_; }
  void tell_nothing_of_processes() { tells_populated_ = false; }

  void announce(CgroupEvent::Kind kind, const std::string& path, uint64_t id) {
    const std::lock_guard lock(mutex_);
    events_.push_back({kind, path, id});
    eventfd_write(descriptor_.get(), 1);
  }
  int takes() {
    const std::lock_guard lock(mutex_);
    return takes_;
  }
  void lose() {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    eventfd_write(descriptor_.get(), 1);
  }

 private:
  struct Event {
    CgroupEvent::Kind kind;
    std::string path;
    uint64_t id;
  };
  FileDescriptor descriptor_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::mutex mutex_;
  std::deque<Event> events_;
  int takes_ = 0;
  bool lost_ = false;
  std::atomic<bool> tells_populated_ = true;
};

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() { scratch_.make_directory("cgroup"); }

  [[nodiscard]] DiscoveryOptions options(
      std::chrono::milliseconds rescan_interval = std::chrono::hours(1)) const {
    DiscoveryOptions options;
    options.roots.procfs = scratch_.path() + "/proc";
    options.mounts = identity::CgroupMounts(
        {{scratch_.path() + "/cgroup", "/", {identity::Hierarchy::kUnified}, 0, false}});
    options.rescan_interval = rescan_interval;
    return options;
  }
  void make_empty_cgroup(const std::string& path) const {
    scratch_.write("cgroup" + path + "/cgroup.procs", "");
  }
  /// With a process in it.
  void make_cgroup(const std::string& path) const {
    scratch_.write("cgroup" + path + "/cgroup.procs", "77\n");
  }
  void remove_cgroup(const std::string& path) const {
    std::filesystem::remove_all(scratch_.path() + "/cgroup" + path);
  }
  static double rescans(const Discovery& discovery) {
    metrics::SeriesWriter writer;
    discovery.write(writer);
    return test::parse_exposition(writer.text())->value("sonde_exporter_cgroup_rescans_total");
  }
  /// Polls until it holds; false after half a minute.
  static bool eventually(const std::function<bool()>& holds) {
    const SteadyTime give_up = SteadyClock::now() + std::chrono::seconds(30);
    while (!holds()) {
      if (SteadyClock::now() > give_up) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  test::ScratchDirectory scratch_;
};

TEST_F(DiscoveryTest, KnowsWhatWasThereBefore) {
  make_cgroup("/shop/api-1");
  Discovery discovery(options(), nullptr, std::make_unique<ScriptedWatch>());
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/shop/api-1"));
}

TEST_F(DiscoveryTest, WithoutAWatchListsAtEachSnapshot) {
  Discovery discovery(options(), nullptr, nullptr);
  make_cgroup("/a");
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/a"));
  remove_cgroup("/a");
  EXPECT_THAT(paths_of(*discovery.snapshot()), IsEmpty());
}

/// While it lives, this process can open no file.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoMoreFiles() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;

 private:
  rlimit before_{};
};

TEST_F(DiscoveryTest, AWalkThatCannotReadADirectoryEndsNothingThatIsStillThere) {
  make_cgroup("/shop/api-1");
  make_cgroup("/shop/api-2");
  Discovery discovery(options(), nullptr, nullptr);
  const auto before = discovery.snapshot();
  ASSERT_THAT(paths_of(*before), ElementsAre("/shop/api-1", "/shop/api-2"));
  remove_cgroup("/shop/api-2");
  const auto incomplete = [&] {
    metrics::SeriesWriter writer;
    discovery.write(writer);
    return test::parse_exposition(writer.text())->value("sonde_exporter_cgroup_scan_incomplete");
  };
  {
    const NoMoreFiles none;
    const auto after = discovery.snapshot();
    EXPECT_EQ(incomplete(), 1);
    ASSERT_THAT(paths_of(*after), ElementsAre("/shop/api-1"));
    EXPECT_EQ(after->containers()[0].life, before->containers()[0].life);
  }
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/shop/api-1"));
  EXPECT_EQ(incomplete(), 0);
}

TEST_F(DiscoveryTest, SeesWhatWasAnnouncedBeforeTheSnapshotAtOnceAndWithoutAWalk) {
  auto made = std::make_unique<ScriptedWatch>();
  ScriptedWatch& watch = *made;
  Discovery discovery(options(), nullptr, std::move(made));
  const double walks = rescans(discovery);
  watch.announce(CgroupEvent::Kind::kCreated, "/a", 7);
  EXPECT_THAT(paths_of(*discovery.snapshot()), IsEmpty());
  watch.announce(CgroupEvent::Kind::kPopulated, "/a", 7);
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/a"));
  watch.announce(CgroupEvent::Kind::kRemoved, "/a", 7);
  EXPECT_THAT(paths_of(*discovery.snapshot()), IsEmpty());
  EXPECT_EQ(rescans(discovery), walks);
}

TEST_F(DiscoveryTest, LooksForTheFirstProcessAtEachSnapshotOnlyWhereNoEventTells) {
  make_empty_cgroup("/slice");
  make_cgroup("/container");
  auto made = std::make_unique<ScriptedWatch>();
  ScriptedWatch& watch = *made;
  Discovery discovery(options(), nullptr, std::move(made));
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/container"));
  make_cgroup("/slice");
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/container")) << "an event would have told";
  watch.tell_nothing_of_processes();
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/container", "/slice"));
  make_empty_cgroup("/slice");
  make_empty_cgroup("/container");
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/container", "/slice")) << "they have only ended";
}

TEST_F(DiscoveryTest, TakesAFewEventsAtOnceAndAStreamOfThemInBatches) {
  auto owned = std::make_unique<ScriptedWatch>();
  ScriptedWatch& watch = *owned;
  Discovery discovery(options(), nullptr, std::move(owned));
  const int before = watch.takes();
  const SteadyTime start = SteadyClock::now();
  constexpr int kAtOnce = 10;
  for (int i = 1; i <= kAtOnce; ++i) {
    watch.announce(CgroupEvent::Kind::kCreated, "/few", static_cast<uint64_t>(i));
    EXPECT_TRUE(eventually([&] { return watch.takes() >= before + i; }));
  }
  constexpr int kStream = 400;
  for (int i = 0; i < kStream; ++i) {
    watch.announce(CgroupEvent::Kind::kCreated, "/many", static_cast<uint64_t>(i));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // 16 at once, then 20 a second.
  const auto elapsed = std::chrono::duration<double>(SteadyClock::now() - start).count();
  EXPECT_LE(watch.takes() - before, 16 + 20 * elapsed + 2);
}

TEST_F(DiscoveryTest, ListsAnewWhereEventsWereLost) {
  auto made = std::make_unique<ScriptedWatch>();
  ScriptedWatch& watch = *made;
  Discovery discovery(options(), nullptr, std::move(made));
  make_cgroup("/missed");
  EXPECT_THAT(paths_of(*discovery.snapshot()), IsEmpty());
  watch.lose();
  EXPECT_TRUE(
      eventually([&] { return paths_of(*discovery.snapshot()) == std::vector<std::string>{"/missed"}; }));
}

TEST_F(DiscoveryTest, ListsAnewNowAndThenThoughNothingWasAnnounced) {
  Discovery discovery(options(std::chrono::milliseconds(20)), nullptr, std::make_unique<ScriptedWatch>());
  make_cgroup("/missed");
  EXPECT_TRUE(
      eventually([&] { return paths_of(*discovery.snapshot()) == std::vector<std::string>{"/missed"}; }));
}

TEST_F(DiscoveryTest, GivesTheSameTableWhileNothingChanges) {
  make_cgroup("/a");
  Discovery discovery(options(), nullptr, std::make_unique<ScriptedWatch>());
  EXPECT_EQ(discovery.snapshot(), discovery.snapshot());
}

TEST_F(DiscoveryTest, KeepsOldSnapshotsAsTheyWere) {
  make_cgroup("/a");
  Discovery discovery(options(), nullptr, nullptr);
  const auto before = discovery.snapshot();
  make_cgroup("/b");
  EXPECT_THAT(paths_of(*discovery.snapshot()), ElementsAre("/a", "/b"));
  EXPECT_THAT(paths_of(*before), ElementsAre("/a"));
}

TEST_F(DiscoveryTest, ByInotifySeesNestedCgroupsComeAndGo) {
  auto watch = make_inotify_watch();
  ASSERT_TRUE(watch.has_value());
  Discovery discovery(options(), nullptr, std::move(*watch));
  make_cgroup("/x/y/z");
  EXPECT_TRUE(
      eventually([&] { return paths_of(*discovery.snapshot()) == std::vector<std::string>{"/x/y/z"}; }));
  make_cgroup("/x/y/w");
  EXPECT_TRUE(eventually(
      [&] { return paths_of(*discovery.snapshot()) == std::vector<std::string>{"/x/y/w", "/x/y/z"}; }));
  remove_cgroup("/x/y");
  EXPECT_TRUE(eventually([&] { return discovery.snapshot()->containers().empty(); }));
}

TEST_F(DiscoveryTest, IsSafeWhileScrapesAndEventsRunAtOnce) {
  auto made = std::make_unique<ScriptedWatch>();
  ScriptedWatch& watch = *made;
  Discovery discovery(options(std::chrono::milliseconds(1)), nullptr, std::move(made));
  std::vector<std::thread> threads;
  for (int scraper = 0; scraper < 3; ++scraper) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_LE(discovery.snapshot()->containers().size(), 2U);
    });
  }
  for (uint64_t id = 1; id < 200; ++id) {
    watch.announce(CgroupEvent::Kind::kCreated, "/a", id);
    watch.announce(CgroupEvent::Kind::kPopulated, "/a", id);
    watch.announce(CgroupEvent::Kind::kRemoved, "/a", id);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace sonde::exporter
