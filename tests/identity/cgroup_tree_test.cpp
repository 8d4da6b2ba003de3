#include "identity/cgroup_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <vector>

#include "tests/identity/scratch_directory.h"

namespace sonde::identity {
namespace {

using testing::ElementsAre;

std::vector<std::string> paths_of(const CgroupTree& tree) {
  std::vector<std::string> paths;
  for (const auto& [path, ids] : tree) paths.push_back(path);
  return paths;
}

uint64_t inode_of(const std::string& path) {
  struct stat status{};
  stat(path.c_str(), &status);
  return status.st_ino;
}

class CgroupTreeTest : public testing::Test {
 protected:
  [[nodiscard]] CgroupMount mount(const std::string& name, std::vector<Hierarchy> hierarchies,
                                  const std::string& root = "/") const {
    return {scratch_.path() + '/' + name, root, std::move(hierarchies), std::nullopt, false};
  }

  test::ScratchDirectory scratch_;
};

TEST_F(CgroupTreeTest, MergesHierarchiesByPathAndTakesInodesAsIds) {
  scratch_.make_directory("memory/shop/api-1");
  scratch_.make_directory("cpu,cpuacct/shop/api-1");
  scratch_.make_directory("cpu,cpuacct/shop/api-2");
  scratch_.write("memory/shop/memory.stat", "not a cgroup\n");
  const CgroupScan scan = scan_cgroups(CgroupMounts(
      {mount("memory", {Hierarchy::kMemory}), mount("cpu,cpuacct", {Hierarchy::kCpu, Hierarchy::kCpuacct})}));
  EXPECT_THAT(paths_of(scan.tree), ElementsAre("/shop", "/shop/api-1", "/shop/api-2"));
  const CgroupIds expected{0,
                           inode_of(scratch_.path() + "/memory/shop/api-1"),
                           inode_of(scratch_.path() + "/cpu,cpuacct/shop/api-1"),
                           inode_of(scratch_.path() + "/cpu,cpuacct/shop/api-1"),
                           0,
                           0};
  EXPECT_EQ(scan.tree.at("/shop/api-1"), expected);
  EXPECT_EQ(scan.unreadable, 0U);
  EXPECT_FALSE(scan.truncated);
}

TEST_F(CgroupTreeTest, GivesPathsOfTheWholeTreeWhereAPartIsMounted) {
  scratch_.make_directory("part/x");
  const CgroupScan scan = scan_cgroups(CgroupMounts({mount("part", {Hierarchy::kMemory}, "/docker/abc")}));
  EXPECT_THAT(paths_of(scan.tree), ElementsAre("/docker/abc/x"));
}

TEST_F(CgroupTreeTest, KnowsWhoHasDescendantsDespiteNeighboursThatSortBetween) {
  const CgroupTree tree{{"/a", {}}, {"/a-1", {}}, {"/a/b", {}}, {"/ab", {}}};
  EXPECT_TRUE(has_descendants(tree, "/a"));
  EXPECT_FALSE(has_descendants(tree, "/a-1"));
  EXPECT_FALSE(has_descendants(tree, "/ab"));
  EXPECT_FALSE(has_descendants(tree, "/a/b"));
}

TEST_F(CgroupTreeTest, StopsAtTheBoundOfDepthAndSaysSo) {
  std::string deep = "v2";
  for (size_t i = 0; i < kDeepestCgroup + 3; ++i) deep += "/d";
  scratch_.make_directory(deep);
  const CgroupScan scan = scan_cgroups(CgroupMounts({mount("v2", {Hierarchy::kUnified})}));
  EXPECT_EQ(scan.tree.size(), kDeepestCgroup);
  EXPECT_TRUE(scan.truncated);
}

TEST_F(CgroupTreeTest, DoesNotFollowLinks) {
  scratch_.make_directory("v2/a");
  std::filesystem::create_directory_symlink("..", scratch_.path() + "/v2/a/up");
  const CgroupScan scan = scan_cgroups(CgroupMounts({mount("v2", {Hierarchy::kUnified})}));
  EXPECT_THAT(paths_of(scan.tree), ElementsAre("/a"));
}

TEST_F(CgroupTreeTest, CallsBackBeforeListingEachDirectoryLeavesIncluded) {
  scratch_.make_directory("v2/a/b");
  std::set<std::string> listed;
  scan_cgroups(CgroupMounts({mount("v2", {Hierarchy::kUnified})}),
               [&](const std::string& directory) { listed.insert(directory); });
  const std::string root = scratch_.path() + "/v2";
  EXPECT_EQ(listed, (std::set<std::string>{root, root + "/a", root + "/a/b"}));
}

TEST_F(CgroupTreeTest, SeesAChildMadeBetweenTheCallbackAndTheListing) {
  scratch_.make_directory("v2/a");
  const std::string parent = scratch_.path() + "/v2/a";
  const CgroupScan scan =
      scan_cgroups(CgroupMounts({mount("v2", {Hierarchy::kUnified})}), [&](const std::string& directory) {
        if (directory == parent) std::filesystem::create_directory(parent + "/late");
      });
  EXPECT_THAT(paths_of(scan.tree), ElementsAre("/a", "/a/late"));
}

TEST_F(CgroupTreeTest, OfAMissingMountIsEmpty) {
  const CgroupScan scan = scan_cgroups(CgroupMounts({mount("nothing", {Hierarchy::kUnified})}));
  EXPECT_TRUE(scan.tree.empty());
  EXPECT_EQ(scan.unreadable, 0U);
}

}  // namespace
}  // namespace sonde::identity
