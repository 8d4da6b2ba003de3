#include "identity/cgroup_mounts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/identity/scratch_directory.h"

namespace sonde::identity {
namespace {

// As Debian 12 with systemd mounts them: everything on v2.
constexpr const char* kV2 =
    "24 31 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw\n"
    "35 24 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
    "rw,nsdelegate,memory_recursiveprot\n";

// As systemd mounts v1 (systemd.unified_cgroup_hierarchy=0): cpu and cpuacct share a tree.
constexpr const char* kV1 =
    "31 24 0:27 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "33 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    "34 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:31 / /sys/fs/cgroup/memory rw shared:12 master:3 - cgroup cgroup rw,memory\n"
    "36 31 0:32 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
    "37 31 0:33 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio\n";

constexpr const char* kUnifiedBeside =
    "38 31 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,memory_localevents\n";

CgroupMounts choose(const std::string& mountinfo, const HostRoots& roots = {},
                    const std::string& numbers = "") {
  return choose_cgroup_mounts(parse_mountinfo(mountinfo), numbers, roots);
}

TEST(Mountinfo, IsReadWithAndWithoutOptionalFields) {
  const auto entries = parse_mountinfo(kV1);
  ASSERT_EQ(entries.size(), 6U);
  EXPECT_EQ(entries[2].point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(entries[2].type, "cgroup");
  EXPECT_EQ(entries[2].super_options, "rw,cpu,cpuacct");
  EXPECT_EQ(entries[3].super_options, "rw,memory");
}

TEST(Mountinfo, UnescapesNames) {
  const auto entries = parse_mountinfo("1 2 0:3 /a\\040b /mnt/x\\011y\\012z\\134w\\9 rw - cgroup c rw,cpu\n");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].root, "/a b");
  EXPECT_EQ(entries[0].point, "/mnt/x\ty\nz\\w\\9");
}

TEST(Mountinfo, LeavesOutWhatIsNotAMountLine) {
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("\n\n").empty());
  EXPECT_TRUE(parse_mountinfo("1 2 0:3 / /mnt rw - cgroup").empty());
  EXPECT_TRUE(parse_mountinfo("1 2 0:3 / /mnt rw a b c d e f g").empty());
}

TEST(CgroupMounts, OfV2IsOneTree) {
  const CgroupMounts mounts = choose(kV2);
  EXPECT_EQ(mounts.layout(), CgroupLayout::kV2);
  EXPECT_EQ(mounts.directory(Hierarchy::kUnified, "/shop/api-1"), "/sys/fs/cgroup/shop/api-1");
  EXPECT_EQ(mounts.find(Hierarchy::kMemory), nullptr);
  EXPECT_EQ(mounts.find(Hierarchy::kUnified)->kernel_number, 0U);
  EXPECT_FALSE(mounts.find(Hierarchy::kUnified)->memory_local_events);
}

TEST(CgroupMounts, OfV1ShareADirectoryWhereControllersAreMountedTogether) {
  const CgroupMounts mounts =
      choose(kV1, {}, "12:memory:/x\n3:cpu,cpuacct:/\n1:name=systemd:/init.scope\n0::/\n");
  EXPECT_EQ(mounts.layout(), CgroupLayout::kV1);
  EXPECT_EQ(mounts.find(Hierarchy::kCpu), mounts.find(Hierarchy::kCpuacct));
  EXPECT_EQ(mounts.directory(Hierarchy::kCpuacct, "/a"), "/sys/fs/cgroup/cpu,cpuacct/a");
  EXPECT_EQ(mounts.find(Hierarchy::kCpuacct)->kernel_number, 3U);
  EXPECT_EQ(mounts.find(Hierarchy::kMemory)->kernel_number, 12U);
  EXPECT_EQ(mounts.find(Hierarchy::kBlkio)->kernel_number, std::nullopt);
  EXPECT_EQ(mounts.find(Hierarchy::kPids), nullptr);
  EXPECT_EQ(mounts.directory(Hierarchy::kPids, "/a"), "");
}

TEST(CgroupMounts, OfV1BesideV2AreHybrid) {
  const CgroupMounts mounts = choose(std::string(kV1) + kUnifiedBeside);
  EXPECT_EQ(mounts.layout(), CgroupLayout::kHybrid);
  EXPECT_EQ(mounts.directory(Hierarchy::kUnified, ""), "/sys/fs/cgroup/unified");
  EXPECT_TRUE(mounts.find(Hierarchy::kUnified)->memory_local_events);
}

TEST(CgroupMounts, AreReRootedWhereTheHostsFilesAreMountedElsewhere) {
  const CgroupMounts mounts = choose(kV1, {"/proc", "/fixture/cgroup"});
  EXPECT_EQ(mounts.directory(Hierarchy::kMemory, "/a"), "/fixture/cgroup/memory/a");
}

TEST(CgroupMounts, BelowTheGivenRootWinOverTheReadersOwn) {
  const CgroupMounts mounts = choose(
      "1 2 0:9 /docker/me /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
      "3 2 0:9 / /host/sys/fs/cgroup ro - cgroup2 cgroup rw\n",
      {"/host/proc", "/host/sys/fs/cgroup"});
  EXPECT_EQ(mounts.directory(Hierarchy::kUnified, "/a"), "/host/sys/fs/cgroup/a");
}

TEST(CgroupMounts, ThatShowMoreOfATreeWin) {
  const CgroupMounts mounts = choose(
      "1 2 0:9 /kubepods /sys/fs/cgroup/part rw - cgroup cgroup rw,memory\n"
      "3 2 0:9 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  EXPECT_EQ(mounts.directory(Hierarchy::kMemory, "/a"), "/sys/fs/cgroup/memory/a");
}

TEST(CgroupMounts, OfAPartKeepThePathsOfTheWholeTree) {
  const CgroupMounts mounts =
      choose("1 2 0:9 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  EXPECT_EQ(mounts.directory(Hierarchy::kMemory, "/docker/abc/x"), "/sys/fs/cgroup/memory/x");
  EXPECT_EQ(mounts.directory(Hierarchy::kMemory, "/docker/abcd"), "") << "a neighbour is not mounted";
}

TEST(CgroupMounts, AboveTheReadersNamespaceAreTakenAsWhole) {
  const CgroupMounts mounts = choose("1 2 0:9 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  EXPECT_EQ(mounts.directory(Hierarchy::kUnified, "/a"), "/sys/fs/cgroup/a");
}

TEST(CgroupMounts, ElsewhereServeWhereNoRootWasGiven) {
  const std::string elsewhere = "1 2 0:9 / /cgroup2 rw - cgroup2 cgroup rw\n";
  EXPECT_EQ(choose(elsewhere).layout(), CgroupLayout::kV2);
  EXPECT_EQ(choose(elsewhere, {"/proc", "/host/cgroup"}).layout(), CgroupLayout::kNone);
}

TEST(CgroupMounts, OfThisMachineAreReadable) {
  const auto mounts = read_cgroup_mounts({});
  ASSERT_TRUE(mounts.has_value()) << mounts.error().message;
  for (const CgroupMount& mount : mounts->mounts()) {
    EXPECT_EQ(access(mount.directory.c_str(), R_OK), 0) << mount.directory;
    EXPECT_TRUE(mount.kernel_number.has_value()) << mount.directory;
  }
}

TEST(CgroupMounts, SayWhichFlagIsWrongWhereThereIsNoProc) {
  const test::ScratchDirectory scratch;
  const auto mounts = read_cgroup_mounts({scratch.path(), "/sys/fs/cgroup"});
  ASSERT_FALSE(mounts.has_value());
  EXPECT_NE(mounts.error().message.find("--path.procfs=" + scratch.path()), std::string::npos);
}

}  // namespace
}  // namespace sonde::identity
