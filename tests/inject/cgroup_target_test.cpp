#include "inject/cgroup_target.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;
using identity::MountEntry;

/// A folder that looks like a host's cgroup mounts.
class CgroupTargetTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "sonde-target-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }

  void file(const std::string& path, const std::string& text = "") {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  /// A cgroup in a hierarchy's folder.
  void cgroup(const std::string& path) { file(path + "/cgroup.procs"); }
  MountEntry v1(const std::string& folder, const std::string& options, const std::string& tree_root = "/") {
    return {tree_root, root_ / folder, "cgroup", "rw," + options};
  }
  MountEntry v2(const std::string& folder) { return {"/", root_ / folder, "cgroup2", "rw"}; }

  fs::path root_;
};

TEST_F(CgroupTargetTest, IsFoundInEveryHierarchyThatHasIt) {
  cgroup("cpuacct/shop/api-2");
  cgroup("memory/shop/api-2");
  cgroup("pids/shop/other");
  cgroup("unified/shop/api-2");
  file("cpuacct/shop/api-2/cpuacct.usage", "12345\n");
  const std::vector<MountEntry> mounts = {v1("cpuacct", "cpu,cpuacct"),
                                          v1("memory", "memory"),
                                          v1("pids", "pids"),
                                          v2("unified"),
                                          {"/", root_, "tmpfs", "rw"}};
  const auto target = CgroupTarget::find("/shop/api-2", mounts);
  ASSERT_TRUE(target) << target.error().message;
  ASSERT_EQ(target->folders().size(), 3U);
  EXPECT_EQ(target->folders()[0].hierarchy, "cpu,cpuacct");
  EXPECT_EQ(target->folders()[1].hierarchy, "memory");
  EXPECT_EQ(target->folders()[2].hierarchy, "unified");
  EXPECT_EQ(target->cpu_usage_ns().value(), 12345U);
}

TEST_F(CgroupTargetTest, MayBeNamedByAFullPathBelowAnyMount) {
  cgroup("cpuacct/shop/api-2");
  cgroup("memory/shop/api-2");
  file("cpuacct/shop/api-2/cpuacct.usage", "1\n");
  const std::vector<MountEntry> mounts = {v1("cpuacct", "cpuacct"), v1("memory", "memory")};
  for (const std::string& written :
       {(root_ / "memory/shop/api-2/").string(), (root_ / "memory/./shop//api-2/.").string(),
        std::string("./shop/./api-2")}) {
    const auto target = CgroupTarget::find(written, mounts);
    ASSERT_TRUE(target) << target.error().message;
    EXPECT_EQ(target->path(), "/shop/api-2") << written;
    EXPECT_EQ(target->folders().size(), 2U);
  }
}

TEST_F(CgroupTargetTest, IsFoundBelowAMountOfAPartOfTheTree) {
  cgroup("cpuacct/api-2");
  file("cpuacct/api-2/cpuacct.usage", "1\n");
  const std::vector<MountEntry> mounts = {v1("cpuacct", "cpuacct", "/kubepods")};
  const auto target = CgroupTarget::find("/kubepods/api-2", mounts);
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->folders().at(0).path, root_ / "cpuacct/api-2");
  EXPECT_EQ(CgroupTarget::find((root_ / "cpuacct/api-2").string(), mounts)->path(), "/kubepods/api-2");
  EXPECT_FALSE(CgroupTarget::find("/elsewhere/api-2", mounts));
}

TEST_F(CgroupTargetTest, ReadsUsageAndLimitOfV2) {
  cgroup("v2/shop/api-2");
  file("v2/shop/api-2/cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n");
  file("v2/shop/api-2/cpu.max", "max 100000\n");
  file("v2/shop/cpu.max", "150000 100000\n");
  const auto target = CgroupTarget::find("shop/api-2", std::vector{v2("v2")});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->cpu_usage_ns().value(), 1'500'000U);
  EXPECT_DOUBLE_EQ(target->cpu_limit_cores().value(), 1.5);  // the parent's: its own is "max"
}

TEST_F(CgroupTargetTest, TakesTheTightestLimitOfV1) {
  cgroup("cpu/shop/api-2");
  file("cpu/shop/api-2/cpuacct.usage", "1\n");
  file("cpu/shop/api-2/cpu.cfs_quota_us", "50000\n");
  file("cpu/shop/api-2/cpu.cfs_period_us", "100000\n");
  file("cpu/shop/cpu.cfs_quota_us", "-1\n");
  file("cpu/shop/cpu.cfs_period_us", "100000\n");
  const auto target = CgroupTarget::find("/shop/api-2", std::vector{v1("cpu", "cpu,cpuacct")});
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_DOUBLE_EQ(target->cpu_limit_cores().value(), 0.5);
}

TEST_F(CgroupTargetTest, HasNoLimitWhereNoneIsSet) {
  cgroup("cpu/shop/api-2");
  file("cpu/shop/api-2/cpuacct.usage", "1\n");
  const auto target = CgroupTarget::find("/shop/api-2", std::vector{v1("cpu", "cpu,cpuacct")});
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->cpu_limit_cores());
}

TEST_F(CgroupTargetTest, SeesItsProcesses) {
  cgroup("cpuacct/shop/api-2");
  file("cpuacct/shop/api-2/cpuacct.usage", "1\n");
  file("cpuacct/shop/api-2/cgroup.procs", "17\n4711\n");
  const auto target = CgroupTarget::find("/shop/api-2", std::vector{v1("cpuacct", "cpuacct")});
  ASSERT_TRUE(target);
  EXPECT_TRUE(target->contains(4711));
  EXPECT_FALSE(target->contains(471));
}

TEST_F(CgroupTargetTest, IsRefusedWithTheReason) {
  cgroup("memory/shop/api-2");
  const std::vector<MountEntry> mounts = {v1("memory", "memory")};
  const auto expect_refusal = [&](std::string_view path, ErrorCode code, std::string_view word) {
    const auto target = CgroupTarget::find(path, mounts);
    ASSERT_FALSE(target) << path;
    EXPECT_EQ(target.error().code, code) << path;
    EXPECT_NE(target.error().message.find(word), std::string::npos) << target.error().message;
  };
  expect_refusal("/", ErrorCode::kInvalid, "whole machine");
  expect_refusal("", ErrorCode::kInvalid, "whole machine");
  expect_refusal((root_ / "memory").string(), ErrorCode::kInvalid, "whole machine");
  for (const char* root :
       {"/.", ".", "./", "//", "/./.", "./.", "///./", "/memory/.", "/memory//", "/memory/./."}) {
    const std::string written = std::string_view(root).starts_with("/memory") ? root_.string() + root : root;
    expect_refusal(written, ErrorCode::kInvalid, "whole machine");
  }
  for (const char* above : {"..", "/..", "/shop/..", "/shop/api-2/../..", "/./../."}) {
    expect_refusal(above, ErrorCode::kInvalid, "'..'");
  }
  expect_refusal("/shop/../shop/api-2", ErrorCode::kInvalid, "'..'");
  expect_refusal("/shop/api-9", ErrorCode::kNotFound, "none of the 1");
  expect_refusal("/shop/api-2", ErrorCode::kUnsupported, "account CPU");
}

}  // namespace
}  // namespace sonde::inject
