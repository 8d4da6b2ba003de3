#include "inject/cgroup_accounts.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;
using identity::MountEntry;

/// A folder that looks like a host's cgroup mounts, with /shop/api in it.
class CgroupAccounts : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "sonde-accounts-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }

  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void hierarchy(const std::string& folder, const std::string& options) {
    for (const char* level : {"", "/shop", "/shop/api"}) file(folder + level + "/cgroup.procs", "");
    const bool unified = options.empty();
    mounts_.push_back(
        {"/", root_ / folder, unified ? "cgroup2" : "cgroup", "rw" + (unified ? "" : "," + options)});
  }
  [[nodiscard]] CgroupTarget target() const { return CgroupTarget::find("/shop/api", mounts_).value(); }

  fs::path root_;
  std::vector<MountEntry> mounts_;
};

TEST_F(CgroupAccounts, OfV1AreRead) {
  for (const char* name : {"cpuacct", "memory", "pids", "blkio"}) hierarchy(name, name);
  file("cpuacct/shop/api/cpuacct.usage", "1\n");
  file("memory/shop/api/memory.usage_in_bytes", "4096\n");
  file("memory/shop/api/memory.limit_in_bytes", "9223372036854771712\n");
  file("memory/shop/memory.limit_in_bytes", "65536\n");
  file("memory/shop/api/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  file("pids/shop/api/pids.current", "7\n");
  file("pids/shop/api/pids.max", "10\n");
  file("pids/shop/pids.current", "9\n");
  file("pids/shop/pids.max", "max\n");
  file("blkio/shop/api/blkio.throttle.io_service_bytes",
       "254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 1\n254:0 Total 12288\n8:0 Read 1\nTotal 12289\n");
  EXPECT_EQ(memory_usage_bytes(target()), 4096U);
  EXPECT_EQ(memory_limit_bytes(target()), 65536U);
  EXPECT_EQ(oom_kills(target()), 3U);
  EXPECT_EQ(task_count(target()), 7U);
  EXPECT_EQ(task_room(target()).own, 3U);
  EXPECT_FALSE(task_room(target()).above);
  EXPECT_EQ(io_bytes(target())->read, 4097U);
  EXPECT_EQ(io_bytes(target())->written, 8192U);
}

TEST_F(CgroupAccounts, OfV2AreRead) {
  hierarchy("v2", "");
  file("v2/shop/api/cpu.stat", "usage_usec 1\n");
  file("v2/shop/api/memory.current", "4096\n");
  file("v2/shop/api/memory.max", "max\n");
  file("v2/shop/api/memory.events", "low 0\noom 1\noom_kill 2\n");
  file("v2/shop/api/pids.current", "7\n");
  file("v2/shop/api/pids.max", "20\n");
  file("v2/shop/pids.current", "30\n");
  file("v2/shop/pids.max", "32\n");
  file("v2/shop/api/io.stat", "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=1\n");
  EXPECT_EQ(memory_usage_bytes(target()), 4096U);
  EXPECT_FALSE(memory_limit_bytes(target()));
  EXPECT_EQ(oom_kills(target()), 2U);
  EXPECT_EQ(task_room(target()).own, 13U);
  EXPECT_EQ(task_room(target()).above, 2U);
  EXPECT_EQ(io_bytes(target())->read, 4097U);
  EXPECT_EQ(io_bytes(target())->written, 8192U);
}

TEST_F(CgroupAccounts, ThatAreMissingAreNothing) {
  hierarchy("cpuacct", "cpuacct");
  file("cpuacct/shop/api/cpuacct.usage", "1\n");
  EXPECT_FALSE(memory_usage_bytes(target()) || memory_limit_bytes(target()) || oom_kills(target()));
  EXPECT_FALSE(task_count(target()) || task_room(target()).own || task_room(target()).above ||
               io_bytes(target()));
  EXPECT_EQ(folder_with(target(), "freezer", "cgroup.freeze"), nullptr);
}

}  // namespace
}  // namespace sonde::inject
