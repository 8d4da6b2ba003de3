#include "exporter/container_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sonde::exporter {
namespace {

using identity::CgroupIds;
using identity::CgroupTree;
using identity::Hierarchy;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kMemoryTree = 4;

/// A v1 memory tree and a v2 tree.
identity::CgroupMounts two_trees() {
  return identity::CgroupMounts({{"/memory", "/", {Hierarchy::kMemory}, kMemoryTree, false},
                                 {"/unified", "/", {Hierarchy::kUnified}, 0, false}});
}

/// Cgroups of the memory tree by path and id.
CgroupTree memory_tree(const std::vector<std::pair<std::string, uint64_t>>& cgroups) {
  CgroupTree tree;
  for (const auto& [path, id] : cgroups) tree[path][static_cast<size_t>(Hierarchy::kMemory)] = id;
  return tree;
}

ContainerRule rule(const std::string& expression) {
  auto made = ContainerRule::matching(expression);
  EXPECT_TRUE(made.has_value());
  return made ? std::move(*made) : ContainerRule();
}

std::vector<std::string> paths_of(const ContainerTable& table) {
  std::vector<std::string> paths;
  for (const Container& container : table.containers()) paths.push_back(container.path);
  return paths;
}

/// The path of the container that owns a cgroup of the memory tree; "" for none.
std::string owner(const ContainerTable& table, uint64_t id, Hierarchy hierarchy = Hierarchy::kMemory) {
  const auto index = table.find(hierarchy, id);
  return index ? table.containers()[*index].path : "";
}

CgroupEvent created(const std::string& path, uint64_t id, uint32_t tree = kMemoryTree) {
  return {CgroupEvent::Kind::kCreated, tree, id, path};
}
CgroupEvent populated(const std::string& path, uint64_t id, uint32_t tree = kMemoryTree) {
  return {CgroupEvent::Kind::kPopulated, tree, id, path};
}
CgroupEvent removed(const std::string& path, uint64_t id, uint32_t tree = kMemoryTree) {
  return {CgroupEvent::Kind::kRemoved, tree, id, path};
}

/// What a walk found, each with a process in it.
void replace_populated(ContainerIndex& index, const std::vector<std::pair<std::string, uint64_t>>& cgroups) {
  index.replace(memory_tree(cgroups));
  for (const auto& [path, id] : cgroups) index.apply(populated(path, id));
}

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
  ContainerIndex index(two_trees(), rule("/shop/[^/]+"));
  index.replace(memory_tree(
      {{"/shop", 10}, {"/shop/api", 11}, {"/shop/api/w", 12}, {"/shop/api/w/x", 13}, {"/y", 14}}));
  const ContainerTable table = index.build();
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
  const ContainerTable table = index.build();
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
  const ContainerTable table = index.build();
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
  index.apply(created("/a", 7));
  index.apply(populated("/a", 70, 0));
  index.apply(populated("/a", 700, 99));  // a tree that is not measured
  const ContainerTable table = index.build();
  ASSERT_THAT(paths_of(table), ElementsAre("/a"));
  EXPECT_EQ(table.containers()[0].cgroup_ids, (CgroupIds{70, 7, 0, 0, 0, 0}));
}

TEST(ContainerIndex, LetsAContainerGoOnceItIsGoneFromEveryTree) {
  ContainerIndex index(two_trees(), {});
  index.apply(populated("/a", 7));
  index.apply(populated("/a", 70, 0));
  index.build();
  index.apply(removed("/a", 7));
  EXPECT_THAT(paths_of(index.build()), ElementsAre("/a"));
  index.apply(removed("/a", 70, 0));
  EXPECT_THAT(paths_of(index.build()), IsEmpty());
}

TEST(ContainerIndex, IgnoresTheRemovalOfAnEarlierCgroupOfThePath) {
  ContainerIndex index(two_trees(), {});
  index.apply(populated("/a", 7));
  index.apply(removed("/a", 6));
  EXPECT_THAT(paths_of(index.build()), ElementsAre("/a"));
}

TEST(ContainerIndex, KnowsChangesFromNone) {
  ContainerIndex index(two_trees(), {});
  index.apply(created("/a", 7));
  index.build();
  EXPECT_FALSE(index.changed());
  index.apply(created("/a", 7));
  index.replace(memory_tree({{"/a", 7}}));
  EXPECT_FALSE(index.changed());
  index.replace(memory_tree({{"/a", 8}}));
  EXPECT_TRUE(index.changed());
  index.build();
  index.apply(populated("/a", 8));
  EXPECT_TRUE(index.changed());
  index.build();
  index.apply(populated("/a", 8));
  EXPECT_FALSE(index.changed()) << "only the first process is news";
}

TEST(ContainerIndex, ACgroupIsAContainerFromItsFirstProcessUntilItIsRemoved) {
  ContainerIndex index(two_trees(), {});
  index.apply(created("/shop", 1));
  index.apply(created("/shop/api", 2));
  ContainerTable table = index.build();
  EXPECT_THAT(paths_of(table), IsEmpty()) << "it is empty yet";
  EXPECT_EQ(owner(table, 2), "");
  index.apply(populated("/shop/api", 2));
  table = index.build();
  EXPECT_THAT(paths_of(table), ElementsAre("/shop/api"));
  EXPECT_EQ(owner(table, 2), "/shop/api");
  index.replace(memory_tree({{"/shop", 1}, {"/shop/api", 2}}));
  EXPECT_THAT(paths_of(index.build()), ElementsAre("/shop/api")) << "it may have ended meanwhile";
  index.replace(memory_tree({{"/shop", 1}, {"/shop/api", 3}}));
  EXPECT_THAT(paths_of(index.build()), IsEmpty()) << "another one of its name, empty";
  index.apply(populated("/shop/api", 3));
  index.apply(removed("/shop/api", 3));
  EXPECT_THAT(paths_of(index.build()), IsEmpty()) << "nor is the slice that is left over";
  index.apply(populated("/shop/api", 4));  // without an announcement before
  index.apply(created("/shop/api", 5));    // the removal in between was missed
  EXPECT_THAT(paths_of(index.build()), IsEmpty());
}

TEST(ContainerIndex, WhatIsChosenByAnExpressionMayBeEmpty) {
  ContainerIndex index(two_trees(), rule("/shop/[^/]+"));
  index.apply(created("/shop/api", 2));
  EXPECT_THAT(paths_of(index.build()), ElementsAre("/shop/api"));
}

TEST(ContainerIndex, KeepsRemovedDescendantsWithTheirContainer) {
  ContainerIndex index(two_trees(), rule("/shop/[^/]+"));
  index.apply(created("/shop/api", 11));
  index.apply(created("/shop/api/job", 12));
  index.build();
  index.apply(removed("/shop/api/job", 12));
  index.apply(created("/shop/api/job", 13));
  const ContainerTable table = index.build();
  EXPECT_EQ(owner(table, 12), "/shop/api");
  EXPECT_EQ(owner(table, 13), "/shop/api");
  EXPECT_EQ(owner(index.build(), 12), "/shop/api") << "for as long as the container lives";
}

TEST(ContainerIndex, KeepsDescendantsThatCameAndWentBetweenTwoScrapes) {
  ContainerIndex index(two_trees(), rule("/shop/[^/]+"));
  index.apply(created("/shop/api", 11));
  index.build();
  index.apply(created("/shop/api/job", 12));
  index.apply(removed("/shop/api/job", 12));
  EXPECT_EQ(owner(index.build(), 12), "/shop/api");
}

TEST(ContainerIndex, ForgetsDescendantsWithTheirContainer) {
  ContainerIndex index(two_trees(), rule("/shop/[^/]+"));
  index.replace(memory_tree({{"/shop/api", 11}, {"/shop/api/job", 12}}));
  index.build();
  index.replace(memory_tree({{"/shop/api", 11}}));
  EXPECT_EQ(owner(index.build(), 12), "/shop/api");
  index.replace(memory_tree({{"/shop/api", 21}}));  // another container of the same name
  EXPECT_EQ(owner(index.build(), 12), "");
}

TEST(ContainerIndex, DoesNotAddAFormerContainerToTheOneAboveIt) {
  ContainerIndex index(two_trees(), {});
  replace_populated(index, {{"/shop", 10}, {"/shop/api", 11}});
  EXPECT_EQ(owner(index.build(), 11), "/shop/api");
  index.replace(memory_tree({{"/shop", 10}}));  // now a leaf itself
  const ContainerTable table = index.build();
  EXPECT_THAT(paths_of(table), ElementsAre("/shop"));
  EXPECT_EQ(owner(table, 11), "");
}

TEST(ContainerIndex, BoundsWhatItKeepsUnderChurn) {
  ContainerIndex index(two_trees(), rule("/shop/[^/]+"));
  index.apply(created("/shop/api", 1));
  const uint64_t churn = ContainerIndex::kMostRemoved + 500;
  for (uint64_t id = 2; id < 2 + churn; ++id) {
    index.apply(created("/shop/api/job", id));
    index.apply(removed("/shop/api/job", id));
    if (id % 100 == 0) index.build();
  }
  const ContainerTable table = index.build();
  EXPECT_EQ(owner(table, 1 + churn), "/shop/api") << "the latest are kept";
  EXPECT_EQ(owner(table, 2), "") << "the oldest are not";
}

}  // namespace
}  // namespace sonde::exporter
