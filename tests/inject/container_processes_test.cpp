#include "inject/container_processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "inject/faults/fault_table.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

/// A folder that looks like a cgroup, with one below it.
class OwnCgroup : public testing::Test {
 protected:
  OwnCgroup() : root_(folder_.path()) {
    for (const char* cgroup : {"api", "api/below"}) {
      fs::create_directories(root_ / "shop" / cgroup);
      hold(cgroup, {});
    }
    std::ofstream(root_ / "shop/api/cpu.stat") << "usage_usec 1\n";
    std::ofstream(root_ / "shop/api/cgroup.freeze") << "0\n";
    std::ofstream(root_ / "shop/api/cgroup.events") << "populated 1\nfrozen 0\n";
  }
  void hold(const std::string& cgroup, const std::vector<pid_t>& pids) const {
    std::ofstream file(root_ / "shop" / cgroup / "cgroup.procs");
    for (const pid_t pid : pids) file << pid << "\n";
  }
  [[nodiscard]] CgroupTarget target() const {
    return CgroupTarget::find("/shop/api", std::vector<identity::MountEntry>{{"/", root_, "cgroup2", "rw"}})
        .value();
  }

  test::ScratchDirectory folder_;
  fs::path root_;
};

TEST_F(OwnCgroup, IsRefusedWithOneselfOrAnAncestorInItOrBelow) {
  hold("api", {0});
  EXPECT_TRUE(refuse_own_cgroup(target(), "x"));
  for (const pid_t pid : {getpid(), getppid(), pid_t(1)}) {
    for (const char* cgroup : {"api", "api/below"}) {
      hold(cgroup, {pid});
      const auto refused = refuse_own_cgroup(target(), "it would be killed");
      ASSERT_FALSE(refused) << pid << " in " << cgroup;
      EXPECT_NE(refused.error().message.find("'/shop/api' holds this injector"), std::string::npos);
      EXPECT_NE(refused.error().message.find("it would be killed"), std::string::npos);
      hold(cgroup, {});
    }
  }
}

TEST_F(OwnCgroup, OpensFilesOfItsProcessesOnlyAndOfNoneThatHasItsPidNow) {
  const ProcessIdentity parent = identify(getppid()).value();
  EXPECT_FALSE(open_of_process(target(), parent, "ns/net", O_RDONLY)) << "not in the cgroup";
  hold("api/below", {parent.pid});
  EXPECT_TRUE(open_of_process(target(), parent, "ns/net", O_RDONLY));
  const ProcessIdentity earlier{parent.pid, parent.start_ticks - 1};
  EXPECT_FALSE(open_of_process(target(), earlier, "ns/net", O_RDONLY));
  EXPECT_FALSE(open_of_process(target(), parent, "no such", O_RDONLY));
}

TEST_F(OwnCgroup, IsRefusedByFaultsThatCouldNotBeTakenBack) {
  hold("api", {getppid()});
  for (const char* name : {"pause", "kill", "files", "processes"}) {
    FaultState state;
    const auto fault = find_fault(name)->make();
    ASSERT_TRUE(fault->check());
    const auto prepared = fault->prepare(target(), state);
    ASSERT_FALSE(prepared) << name;
    EXPECT_NE(prepared.error().message.find("holds this injector"), std::string::npos)
        << name << ": " << prepared.error().message;
  }
}

}  // namespace
}  // namespace sonde::inject
