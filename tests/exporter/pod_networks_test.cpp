#include "exporter/pod_networks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/identity/scratch_directory.h"

namespace sonde::exporter {
namespace {

using std::chrono::seconds;

/// A cgroup with one process at a time; the kernel's files are the test's.
class PodNetworksTest : public testing::Test {
 protected:
  PodNetworksTest() {
    std::filesystem::create_directories(scratch_.path() + "/cgroup/a");
    set_namespace(1, 1);  // the host's
    containers_[0].path = "/a";
    containers_[0].cgroup_ids[static_cast<size_t>(identity::Hierarchy::kUnified)] = 7;
  }
  void set_process(int32_t process) {
    std::ofstream(scratch_.path() + "/cgroup/a/cgroup.procs") << process << '\n';
  }
  void set_namespace(int32_t process, uint64_t inode) {
    const std::string folder = scratch_.path() + "/proc/" + std::to_string(process) + "/ns";
    std::filesystem::create_directories(folder);
    std::filesystem::remove(folder + "/net");
    std::filesystem::create_symlink("net:[" + std::to_string(inode) + "]", folder + "/net");
  }
  uint64_t namespace_after(seconds time) {
    if (!networks_) {
      networks_.emplace(identity::HostRoots{.procfs = scratch_.path() + "/proc"},
                        identity::CgroupMounts(
                            {{scratch_.path() + "/cgroup", "/", {identity::Hierarchy::kUnified}, 0, false}}),
                        std::make_shared<identity::FileBudget>(10));
    }
    networks_->update(containers_, SteadyTime(std::chrono::hours(1)) + time);
    return containers_[0].network_namespace;
  }

  test::ScratchDirectory scratch_;
  std::optional<PodNetworks> networks_;
  std::vector<Container> containers_{1};
};

TEST_F(PodNetworksTest, AProcesssNamespaceIsReadAgainAtDoublingDistances) {
  set_process(23);
  set_namespace(23, 1);
  EXPECT_EQ(namespace_after(seconds(0)), 0U) << "the host's: its runtime has yet to make its own";
  set_namespace(23, 5);
  EXPECT_EQ(namespace_after(seconds(5)), 5U);
  EXPECT_EQ(containers_[0].process_id, 23);
  set_namespace(23, 6);
  EXPECT_EQ(namespace_after(seconds(10)), 6U);
  set_namespace(23, 7);
  EXPECT_EQ(namespace_after(seconds(15)), 6U);
  EXPECT_EQ(namespace_after(seconds(20)), 7U);
  EXPECT_EQ(namespace_after(seconds(600)), 7U);
  set_namespace(23, 8);
  EXPECT_EQ(namespace_after(seconds(659)), 7U);
  EXPECT_EQ(namespace_after(seconds(660)), 8U) << "never later than that";
}

TEST_F(PodNetworksTest, AnotherProcessIsLookedAtAtOnce) {
  set_process(23);
  set_namespace(23, 5);
  EXPECT_EQ(namespace_after(seconds(0)), 5U);
  EXPECT_EQ(namespace_after(seconds(5)), 5U);
  set_process(24);
  set_namespace(24, 6);
  EXPECT_EQ(namespace_after(seconds(6)), 6U);
  EXPECT_EQ(containers_[0].process_id, 24);
  std::filesystem::remove(scratch_.path() + "/proc/24/ns/net");
  EXPECT_EQ(namespace_after(seconds(7)), 0U);
  set_namespace(24, 6);
  EXPECT_EQ(namespace_after(seconds(7)), 6U) << "one that could not be read is tried again";
}

}  // namespace
}  // namespace sonde::exporter
