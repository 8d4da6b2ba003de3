#include "exporter/container_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/exporter/made_up_cgroups.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ContainerRule, TakesLeavesThatHaveHadAProcessByDefault) {
  const CgroupTree tree =
      memory_tree({{"/a", 1}, {"/a-1", 2}, {"/a/b", 3}, {"/a/b/c", 4}, {"/d", 5}, {"/e", 6}});
  EXPECT_THAT(ContainerRule().choose(tree, {"/a", "/a-1", "/a/b/c", "/d"}),
              ElementsAre("/a-1", "/a/b/c", "/d"));
  EXPECT_THAT(ContainerRule().choose(tree, {}), IsEmpty());
}

TEST(ContainerRule, TakesTheUppermostOfMatchingCgroups) {
  const CgroupTree tree = memory_tree(
      {{"/shop", 1}, {"/shop/api", 2}, {"/shop/api/shop", 3}, {"/shop/api/shop/api", 4}, {"/x", 5}});
  EXPECT_THAT(rule("/shop/[^/]+|.*/api").choose(tree, {}), ElementsAre("/shop/api"));
}

TEST(ContainerRule, MatchesWholePathsOnly) {
  const CgroupTree tree = memory_tree({{"/shop", 1}, {"/shop/api", 2}, {"/workshop", 3}});
  EXPECT_THAT(rule("shop").choose(tree, {}), IsEmpty());
  EXPECT_THAT(rule("/shop").choose(tree, {}), ElementsAre("/shop"));
  EXPECT_THAT(rule("/a|/shop/.*").choose(tree, {}), ElementsAre("/shop/api"));
}

TEST(ContainerRule, RefusesAnExpressionThatIsNoneAndNamesTheFlag) {
  const auto made = ContainerRule::matching("/shop/(");
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(made.error().message, testing::HasSubstr("--container.cgroup-include=/shop/("));
}

TEST(ContainerIndex, FoldsDescendantsIntoTheirContainerAndLeavesTheRestToTheHost) {
  ContainerIndex index(two_trees(), with(rule("/shop/[^/]+")));
  index.replace(
      {memory_tree(
          {{"/shop", 10}, {"/shop/api", 11}, {"/shop/api/w", 12}, {"/shop/api/w/x", 13}, {"/y", 14}})},
      kNow);
  const ContainerTable table = index.build(kNow);
  EXPECT_THAT(paths_of(table), ElementsAre("/shop/api"));
  EXPECT_EQ(owner(table, 11), "/shop/api");
  EXPECT_EQ(owner(table, 13), "/shop/api");
  EXPECT_EQ(owner(table, 10), "");
  EXPECT_EQ(owner(table, 14), "");
  EXPECT_EQ(owner(table, 11, Hierarchy::kUnified), "") << "ids of two trees are not the same";
  EXPECT_THAT(table.containers()[0].descendants, ElementsAre("/shop/api/w", "/shop/api/w/x"));
}

TEST(ContainerIndex, WritesAllFourLabels) {
  ContainerIndex index(two_trees(), {});
  replace_populated(index, {{"/shop/api-2", 11}, {"/lone", 12}});
  const ContainerTable table = index.build(kNow);
  EXPECT_EQ(table.containers()[0].labels.text(),
            R"(namespace="",pod="lone",container="lone",service="lone")");
  EXPECT_EQ(table.containers()[1].labels.text(),
            R"(namespace="shop",pod="api-2",container="api-2",service="api")");
  EXPECT_EQ(table.containers()[1].pod_labels.text(),
            R"(namespace="shop",pod="api-2",container="",service="api")");
}

TEST(ContainerIndex, NeverGivesTwoContainersTheSameLabels) {
  ContainerIndex index(two_trees(), {});
  // Bytes that are not UTF-8 all become U+FFFD; the literal name of the third is what the second would get.
  replace_populated(index,
                    {{"/x/a\xfe", 1}, {"/x/a\xff", 2}, {"/x/a\xef\xbf\xbd~2", 3}, {"/x/a\xef\xbf\xbd", 4}});
  const ContainerTable table = index.build(kNow);
  std::set<std::string> labels;
  std::set<std::string> pods;
  for (const Container& container : table.containers()) {
    labels.emplace(container.labels.text());
    pods.emplace(container.pod_labels.text());
  }
  EXPECT_EQ(labels.size(), 4U);
  EXPECT_EQ(pods.size(), 4U);
}

TEST(ContainerIndex, MergesTheTreesOfTheKernelsEventsByPath) {
  ContainerIndex index(two_trees(), {});
  index.apply(created("/a", 7), kNow);
  index.apply(populated("/a", 70, 0), kNow);
  index.apply(populated("/a", 700, 99), kNow);  // a tree that is not measured
  const ContainerTable table = index.build(kNow);
  ASSERT_THAT(paths_of(table), ElementsAre("/a"));
  EXPECT_EQ(table.containers()[0].cgroup_ids, (CgroupIds{70, 7, 0, 0, 0, 0}));
}

TEST(ContainerIndex, LetsAContainerGoOnceItIsGoneFromEveryTree) {
  ContainerIndex index(two_trees(), {});
  index.apply(populated("/a", 7), kNow);
  index.apply(populated("/a", 70, 0), kNow);
  index.build(kNow);
  index.apply(removed("/a", 7), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), ElementsAre("/a"));
  index.apply(removed("/a", 70, 0), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), IsEmpty());
}

TEST(ContainerIndex, IgnoresTheRemovalOfAnEarlierCgroupOfThePath) {
  ContainerIndex index(two_trees(), {});
  index.apply(populated("/a", 7), kNow);
  index.apply(removed("/a", 6), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), ElementsAre("/a"));
}

TEST(ContainerIndex, KnowsChangesFromNone) {
  ContainerIndex index(two_trees(), {});
  index.apply(created("/a", 7), kNow);
  index.build(kNow);
  EXPECT_FALSE(index.changed(kNow));
  index.apply(created("/a", 7), kNow);
  index.replace({memory_tree({{"/a", 7}})}, kNow);
  EXPECT_FALSE(index.changed(kNow));
  index.replace({memory_tree({{"/a", 8}})}, kNow);
  EXPECT_TRUE(index.changed(kNow));
  index.build(kNow);
  index.apply(populated("/a", 8), kNow);
  EXPECT_TRUE(index.changed(kNow));
  index.build(kNow);
  index.apply(populated("/a", 8), kNow);
  EXPECT_FALSE(index.changed(kNow)) << "only the first process is news";
}

TEST(ContainerIndex, ACgroupIsAContainerFromItsFirstProcessUntilItIsRemoved) {
  ContainerIndex index(two_trees(), {});
  index.apply(created("/shop", 1), kNow);
  index.apply(created("/shop/api", 2), kNow);
  ContainerTable table = index.build(kNow);
  EXPECT_THAT(paths_of(table), IsEmpty()) << "it is empty yet";
  EXPECT_EQ(owner(table, 2), "");
  index.apply(populated("/shop/api", 2), kNow);
  table = index.build(kNow);
  EXPECT_THAT(paths_of(table), ElementsAre("/shop/api"));
  EXPECT_EQ(owner(table, 2), "/shop/api");
  index.replace({memory_tree({{"/shop", 1}, {"/shop/api", 2}})}, kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), ElementsAre("/shop/api")) << "it may have ended meanwhile";
  index.replace({memory_tree({{"/shop", 1}, {"/shop/api", 3}})}, kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), IsEmpty()) << "another one of its name, empty";
  index.apply(populated("/shop/api", 3), kNow);
  index.apply(removed("/shop/api", 3), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), IsEmpty()) << "nor is the slice that is left over";
  index.apply(populated("/shop/api", 4), kNow);  // without an announcement before
  index.apply(created("/shop/api", 5), kNow);    // the removal in between was missed
  EXPECT_THAT(paths_of(index.build(kNow)), IsEmpty());
}

TEST(ContainerIndex, WhatIsChosenByAnExpressionMayBeEmpty) {
  ContainerIndex index(two_trees(), with(rule("/shop/[^/]+")));
  index.apply(created("/shop/api", 2), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), ElementsAre("/shop/api"));
}

TEST(ContainerIndex, KeepsRemovedDescendantsWithTheirContainer) {
  ContainerIndex index(two_trees(), with(rule("/shop/[^/]+")));
  index.apply(created("/shop/api", 11), kNow);
  index.apply(created("/shop/api/job", 12), kNow);
  index.build(kNow);
  index.apply(removed("/shop/api/job", 12), kNow);
  index.apply(created("/shop/api/job", 13), kNow);
  const ContainerTable table = index.build(kNow);
  EXPECT_EQ(owner(table, 12), "/shop/api");
  EXPECT_EQ(owner(table, 13), "/shop/api");
  EXPECT_EQ(owner(index.build(kNow), 12), "/shop/api") << "for as long as the container lives";
}

TEST(ContainerIndex, KeepsDescendantsThatCameAndWentBetweenTwoScrapes) {
  ContainerIndex index(two_trees(), with(rule("/shop/[^/]+")));
  index.apply(created("/shop/api", 11), kNow);
  index.build(kNow);
  index.apply(created("/shop/api/job", 12), kNow);
  index.apply(removed("/shop/api/job", 12), kNow);
  EXPECT_EQ(owner(index.build(kNow), 12), "/shop/api");
}

TEST(ContainerIndex, ForgetsDescendantsWithTheirContainer) {
  ContainerIndex index(two_trees(), with(rule("/shop/[^/]+")));
  index.replace({memory_tree({{"/shop/api", 11}, {"/shop/api/job", 12}})}, kNow);
  index.build(kNow);
  index.replace({memory_tree({{"/shop/api", 11}})}, kNow);
  EXPECT_EQ(owner(index.build(kNow), 12), "/shop/api");
  index.replace({memory_tree({{"/shop/api", 21}})}, kNow);  // another container of the same name
  EXPECT_EQ(owner(index.build(kNow), 12), "");
}

TEST(ContainerIndex, DoesNotAddAFormerContainerToTheOneAboveIt) {
  ContainerIndex index(two_trees(), {});
  replace_populated(index, {{"/shop", 10}, {"/shop/api", 11}});
  EXPECT_EQ(owner(index.build(kNow), 11), "/shop/api");
  index.replace({memory_tree({{"/shop", 10}})}, kNow);  // now a leaf itself
  const ContainerTable table = index.build(kNow);
  EXPECT_THAT(paths_of(table), ElementsAre("/shop"));
  EXPECT_EQ(owner(table, 11), "ended /shop/api");
}

/// Cgroups that are directories of the test's, as many walks find them.
class IncompleteWalk : public testing::Test {
 protected:
  uint64_t make(const std::string& path) {
    scratch_.make_directory("memory" + path);
    struct stat status{};
    EXPECT_EQ(stat((scratch_.path() + "/memory" + path).c_str(), &status), 0);
    return status.st_ino;
  }
  void remove(const std::string& path) const {
    std::filesystem::remove_all(scratch_.path() + "/memory" + path);
  }

  test::ScratchDirectory scratch_;
  ContainerIndex index_{
      identity::CgroupMounts({{scratch_.path() + "/memory", "/", {Hierarchy::kMemory}, kMemoryTree, false}}),
      with(rule("/shop/[^/]+"))};
};

TEST_F(IncompleteWalk, EndsOnlyWhatIsSurelyGone) {
  const uint64_t api = make("/shop/api");
  const uint64_t db = make("/shop/db");
  const uint64_t web = make("/shop/web");
  index_.replace({memory_tree({{"/shop/api", api}, {"/shop/db", db}, {"/shop/web", web + 1000}})}, kNow);
  const ContainerTable before = index_.build(kNow);
  const uint64_t cache = make("/shop/cache");
  remove("/shop/db");
  const CgroupTree found = memory_tree({{"/shop/cache", cache}});
  index_.replace({.tree = found, .unreadable = 1}, kNow);
  const ContainerTable after = index_.build(kNow);
  EXPECT_THAT(paths_of(after), ElementsAre("/shop/api", "/shop/cache")) << "web is another one by now";
  EXPECT_EQ(after.containers()[0].life, before.containers()[0].life);
  EXPECT_EQ(owner(after, db), "ended /shop/db");
  EXPECT_EQ(owner(after, web + 1000), "ended /shop/web");
  index_.replace({.tree = found, .truncated = true}, kNow);
  EXPECT_THAT(paths_of(index_.build(kNow)), ElementsAre("/shop/api", "/shop/cache"));
  index_.replace({.tree = found}, kNow);
  EXPECT_THAT(paths_of(index_.build(kNow)), ElementsAre("/shop/cache")) << "the walk was complete";
}

TEST(ContainerIndex, WhoCameAndWentWhenTooManyEndedIsOther) {
  ContainerIndexOptions options;
  options.bounds.most_containers = 3;
  ContainerIndex index(two_trees(), std::move(options));
  index.apply(populated("/lived", 1), kNow);
  index.build(kNow);
  index.apply(removed("/lived", 1), kNow);
  for (uint64_t id = 2; id <= 6; ++id) {
    index.apply(populated("/a-" + std::to_string(id), id), kNow);
    index.apply(removed("/a-" + std::to_string(id), id), kNow);
  }
  ContainerTable table = index.build(kNow);
  EXPECT_EQ(index.overflowed(), 2U) << "of who lived at a scrape the counts have a row";
  ASSERT_EQ(table.ended().size(), 4U);
  EXPECT_EQ(owner(table, 1), "");
  EXPECT_EQ(owner(table, 4), "ended /a-4");
  EXPECT_EQ(owner(table, 6), "ended /a-6");
  EXPECT_EQ(table.find(Hierarchy::kMemory, 2), table.find(Hierarchy::kMemory, 3));
  ASSERT_EQ(owner(table, 2), "ended ");
  const Container& other = table.ended()[*table.find(Hierarchy::kMemory, 2)];
  EXPECT_EQ(other.labels.text(), R"(namespace="",pod="",container="",service="~other")");
  EXPECT_EQ(other.service_labels.text(), R"(namespace="",service="~other")");
  const SteadyTime later = kNow + ContainerIndexOptions().linger;
  EXPECT_TRUE(index.changed(later));
  table = index.build(later);
  EXPECT_TRUE(table.ended().empty());
  EXPECT_EQ(owner(table, 2), "");
}

TEST(ContainerIndex, BoundsWhatItKeepsUnderChurn) {
  ContainerIndex index(two_trees(), with(rule("/shop/[^/]+")));
  index.apply(created("/shop/api", 1), kNow);
  const uint64_t churn = ContainerIndex::kMostRemoved + 500;
  for (uint64_t id = 2; id < 2 + churn; ++id) {
    index.apply(created("/shop/api/job", id), kNow);
    index.apply(removed("/shop/api/job", id), kNow);
    if (id % 100 == 0) index.build(kNow);
  }
  const ContainerTable table = index.build(kNow);
  EXPECT_EQ(owner(table, 1 + churn), "/shop/api") << "the latest are kept";
  EXPECT_EQ(owner(table, 2), "") << "the oldest are not";
}

TEST(ContainerIndex, PodmansOwnProcessesBesideAContainerInItsUnitAreNone) {
  ContainerIndex index(two_trees(), {});
  index.apply(populated("/system.slice/nginx.service/runtime", 1), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), ElementsAre("/system.slice/nginx.service/runtime"))
      << "of no Podman";
  index.apply(populated("/system.slice/nginx.service/libpod-payload-4f1a", 2), kNow);
  EXPECT_THAT(paths_of(index.build(kNow)), ElementsAre("/system.slice/nginx.service/libpod-payload-4f1a"));
}

TEST(ContainerIndex, UnitsOfSystemdAreServicesWithoutContainer) {
  ContainerIndex index(two_trees(), {});
  index.apply(populated("/system.slice/sshd.service", 1), kNow);
  index.apply(populated("/system.slice/system-getty.slice/getty@tty1.service", 2), kNow);
  index.apply(populated("/machine.slice/libpod-conmon-4f1a.scope", 3), kNow);
  const ContainerTable table = index.build(kNow);
  ASSERT_EQ(table.containers().size(), 2U);
  EXPECT_EQ(table.containers()[0].labels.text(), R"(namespace="",pod="",container="",service="sshd")");
  EXPECT_EQ(table.containers()[1].name.service, "getty@tty1");
  index.apply(populated("/user.slice/session-7.scope", 4), kNow);
  index.apply(populated("/user.slice/session-8.scope", 5), kNow);
  const ContainerTable sessions = index.build(kNow);
  ASSERT_EQ(sessions.containers().size(), 4U);
  EXPECT_EQ(sessions.containers()[2].name.service, "session.scope") << "one row for all that come and go";
  EXPECT_EQ(sessions.containers()[3].labels, sessions.containers()[2].labels);
  EXPECT_NE(sessions.containers()[3].shown, sessions.containers()[2].shown);
  ContainerIndexOptions without;
  without.systemd_units = false;
  ContainerIndex none(two_trees(), std::move(without));
  none.apply(populated("/system.slice/sshd.service", 1), kNow);
  EXPECT_TRUE(none.build(kNow).containers().empty());
}

TEST(ContainerIndex, WhatExceedsItsBoundsIsOther) {
  ContainerIndexOptions options;
  options.bounds.most_containers = 2;
  options.bounds.longest_label = 8;
  ContainerIndex index(two_trees(), std::move(options));
  constexpr const char* kOther = R"(namespace="",pod="",container="",service="~other")";
  replace_populated(index, {{"/b-1", 1}, {"/c-1", 2}});
  index.build(kNow);
  index.apply(populated("/a-1", 3), kNow);
  index.apply(populated("/long-name-1", 4), kNow);
  ContainerTable table = index.build(kNow);
  EXPECT_THAT(paths_of(table), ElementsAre("/a-1", "/b-1", "/c-1", "/long-name-1"));
  EXPECT_EQ(table.containers()[0].labels.text(), kOther) << "those that were listed before stay listed";
  EXPECT_FALSE(table.containers()[0].shown);
  EXPECT_TRUE(table.containers()[1].shown);
  EXPECT_EQ(table.containers()[3].labels.text(), kOther);
  EXPECT_EQ(index.unlisted(), 2U);
  const uint64_t life = table.containers()[0].life;
  index.apply(removed("/b-1", 1), kNow);
  table = index.build(kNow);
  EXPECT_EQ(table.containers()[0].name.pod, "a-1");
  EXPECT_TRUE(table.containers()[0].shown) << "there is room now";
  EXPECT_EQ(table.containers()[0].life, life);
  EXPECT_EQ(index.unlisted(), 1U);
}

}  // namespace
}  // namespace sonde::exporter
