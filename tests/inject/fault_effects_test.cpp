// What each fault does to its target, measured by other means than its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

#include "common/clock.h"
#include "inject/process.h"
#include "tests/inject/running_injector.h"
#include "tests/inject/test_cgroup.h"
#include "tests/inject/victim.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsSupersetOf;

constexpr const char* kActive = "fault is active";
constexpr double kMiB = 1 << 20;
constexpr uid_t kNobody = 65534;

class FaultEffect : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: cgroups are made and processes moved into them";
    cgroup_.emplace();
  }

  [[nodiscard]] std::vector<std::string> fault(const std::string& name, std::vector<std::string> more,
                                               const std::string& duration = "1m") const {
    std::vector<std::string> words = {name, "--cgroup=" + cgroup_->path(), "--duration=" + duration,
                                      "--linger=100ms"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  /// The first number in a file of the cgroup, in whatever hierarchy has it; -1 where none has.
  [[nodiscard]] double number(const std::string& file) const {
    for (const auto& folder : cgroup_->folders()) {
      std::ifstream stream(folder.path / file);
      if (double value = 0; stream >> value) return value;
    }
    return -1;
  }
  [[nodiscard]] double memory_used() const {
    return std::max(number("memory.usage_in_bytes"), number("memory.current"));
  }

  static void pass(std::chrono::milliseconds time) {
    const auto end = SteadyClock::now() + time;
    (void)eventually([&] { return SteadyClock::now() >= end; });
  }
  static double value(const RunningInjector& injector, const std::string& name) {
    const auto samples = injector.scrape().find(name);
    EXPECT_EQ(samples.size(), 1U) << name;
    return samples.empty() ? -1 : samples.front().value;
  }

  std::optional<TestCgroup> cgroup_;
};

TEST_F(FaultEffect, MemoryGrowsAtTheRateAskedForUpToTheCeilingAndStays) {
  if (memory_used() < 0) GTEST_SKIP() << "needs the memory controller";
  const double before = memory_used();
  const RunningInjector injector(fault("memory", {"--rate=10MiB", "--ceiling=40MiB"}));
  ASSERT_TRUE(injector.says(kActive));
  const auto start = SteadyClock::now();
  const double first = memory_used();
  pass(std::chrono::milliseconds(2000));
  const std::chrono::duration<double> wall = SteadyClock::now() - start;
  EXPECT_NEAR((memory_used() - first) / wall.count(), 10 * kMiB, kMiB);
  EXPECT_NEAR(value(injector, "sonde_fault_measured_leak_bytes_per_second"), 10 * kMiB, kMiB);
  ASSERT_TRUE(eventually([&] { return memory_used() - before > 39 * kMiB; }));
  pass(std::chrono::milliseconds(1000));
  EXPECT_NEAR(memory_used() - before, 40 * kMiB, 4 * kMiB);
  EXPECT_NEAR(value(injector, "sonde_fault_measured_memory_bytes"), 40 * kMiB, kMiB);
  EXPECT_NEAR(value(injector, "sonde_fault_measured_leak_bytes_per_second"), 10 * kMiB, kMiB);
}

TEST_F(FaultEffect, MemoryThatTheLimitEndsStartsOverAndLeavesTheContainerAlone) {
  if (!cgroup_->write("memory.limit_in_bytes", "31457280") && !cgroup_->write("memory.max", "31457280")) {
    GTEST_SKIP() << "needs the memory controller";
  }
  const Victim victim(*cgroup_);
  const RunningInjector injector(fault("memory", {"--rate=40MiB", "--ceiling=200MiB"}));
  ASSERT_TRUE(injector.says("killed for want of memory and starts over"));
  EXPECT_TRUE(eventually([&] { return value(injector, "sonde_fault_measured_oom_kills") >= 2; }));
  EXPECT_EQ(value(injector, "sonde_fault_active"), 1);
  EXPECT_TRUE(victim.is_alive());
}

TEST_F(FaultEffect, MemoryWhoseProcessIsKilledByHandIsBroken) {
  RunningInjector injector(fault("memory", {"--rate=10MiB"}));
  ASSERT_TRUE(injector.says(kActive));
  for (const auto& [folder, pids] : cgroup_->processes()) {
    for (const pid_t pid : pids) {
      if (pid != injector.pid_in_state("process")) kill(pid, SIGKILL);
    }
  }
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("not for want of memory"));
}

TEST_F(FaultEffect, MemoryWhoseProcessIsKilledByHandAfterTheLimitHasEndedItOnceIsBrokenToo) {
  if (!cgroup_->write("memory.limit_in_bytes", "31457280") && !cgroup_->write("memory.max", "31457280")) {
    GTEST_SKIP() << "needs the memory controller";
  }
  RunningInjector injector(fault("memory", {"--rate=15MiB", "--ceiling=200MiB"}));
  ASSERT_TRUE(injector.says("killed for want of memory and starts over"));
  for (const auto& [folder, pids] : cgroup_->processes()) {
    for (const pid_t pid : pids) {
      if (pid != injector.pid_in_state("process")) kill(pid, SIGKILL);
    }
  }
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("not for want of memory"));
}

/// Bytes read from and written to the machine's disks so far. Source: /proc/diskstats, sectors of 512 bytes.
double disk_bytes() {
  std::ifstream file("/proc/diskstats");
  double bytes = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string skipped;
    std::string name;
    double read = 0;
    double written = 0;
    words >> skipped >> skipped >> name >> skipped >> skipped >> read >> skipped >> skipped >> skipped >>
        written;
    if (fs::exists("/sys/block/" + name)) bytes += 512 * (read + written);
  }
  return bytes;
}

class DiskEffect : public FaultEffect, public testing::WithParamInterface<const char*> {};

TEST_P(DiskEffect, ReachesTheDiskAtTheRateAskedFor) {
  const std::string mode = GetParam();
  const RunningInjector injector(
      fault("disk", {"--rate=8MiB", "--file-size=1MiB", "--mode=" + mode, "--folder=/var/tmp"}));
  ASSERT_TRUE(injector.says(kActive));
  const double before = disk_bytes();
  const auto start = SteadyClock::now();
  pass(std::chrono::milliseconds(2000));
  const double rate =
      (disk_bytes() - before) / std::chrono::duration<double>(SteadyClock::now() - start).count();
  EXPECT_GE(rate, 0.8 * 8 * kMiB);  // others use the disks too
  EXPECT_NEAR(value(injector, "sonde_fault_measured_disk_bytes_per_second"), 8 * kMiB, 0.8 * kMiB);
  EXPECT_NEAR(value(injector, "sonde_fault_asked_disk_bytes_per_second"), 8 * kMiB, 1);
}

INSTANTIATE_TEST_SUITE_P(Modes, DiskEffect, testing::Values("read", "write", "both"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_F(FaultEffect, DiskRefusesAFolderInMemoryAndAMissingOne) {
  for (const auto& [folder, word] : {std::pair{"/dev/shm", "is in memory"}, {"/no/such", "No such file"}}) {
    RunningInjector injector(fault("disk", {std::string("--folder=") + folder}));
    EXPECT_EQ(injector.wait(), 1);
    EXPECT_THAT(injector.log(), HasSubstr(std::string("--folder=") + folder));
    EXPECT_THAT(injector.log(), HasSubstr(word));
  }
}

class FilesEffect : public FaultEffect, public testing::WithParamInterface<uid_t> {};

TEST_P(FilesEffect, NoFileCanBeOpenedAndDescendantsGetTheirLimitBackToo) {
  const Victim victim(*cgroup_, GetParam());
  const uint64_t limit = Victim::file_limit(victim.pid());
  RunningInjector injector(fault("files", {}));
  ASSERT_TRUE(injector.says(kActive));
  EXPECT_TRUE(eventually([&] { return victim.figures().open_error == EMFILE; }));
  const pid_t child = victim.start_child();
  EXPECT_LT(Victim::file_limit(child), limit);
  EXPECT_EQ(value(injector, "sonde_fault_measured_files_left"), 0);
  injector.signal(SIGTERM);
  EXPECT_EQ(injector.wait(), 0);
  EXPECT_TRUE(eventually([&] { return victim.figures().open_error == 0; }));
  EXPECT_EQ(Victim::file_limit(victim.pid()), limit);
  EXPECT_EQ(Victim::file_limit(child), limit);
}

INSTANTIATE_TEST_SUITE_P(Users, FilesEffect, testing::Values(0, kNobody),
                         [](const auto& tested) { return tested.param == 0 ? "root" : "nobody"; });

TEST_F(FaultEffect, FilesLeavesAsManyAsAskedFor) {
  const Victim victim(*cgroup_);
  const RunningInjector injector(fault("files", {"--left=3"}));
  ASSERT_TRUE(injector.says(kActive));
  EXPECT_EQ(victim.figures().open_error, 0);  // it needs one
  EXPECT_EQ(value(injector, "sonde_fault_measured_files_left"), 3);
}

TEST_F(FaultEffect, ProcessesFillTheLimit) {
  if (!cgroup_->write("pids.max", "40")) GTEST_SKIP() << "needs the pids controller";
  const Victim victim(*cgroup_);
  const RunningInjector injector(fault("processes", {}));
  ASSERT_TRUE(injector.says(kActive));
  EXPECT_TRUE(eventually([&] { return victim.figures().fork_error == EAGAIN; }));
  EXPECT_EQ(number("pids.current"), 40);
  EXPECT_GE(value(injector, "sonde_fault_measured_processes"), 37);
  EXPECT_GT(value(injector, "sonde_fault_measured_refusals"), 0);
}

TEST_F(FaultEffect, ProcessesFillNoLimitThatOthersShare) {
  const auto of_parent = [&](const std::string& text) {
    for (const auto& folder : cgroup_->folders()) {
      const fs::path file = folder.path.parent_path() / "pids.max";
      if (fs::exists(file)) return bool(std::ofstream(file) << text << std::flush);
    }
    return false;
  };
  if (!of_parent("60")) GTEST_SKIP() << "needs the pids controller";
  const Victim victim(*cgroup_);
  for (const auto& [own, word] : {std::pair{"max", "no limit of processes (pids.max) of its own"},
                                  {"80", "a cgroup above it, which others share"}}) {
    ASSERT_TRUE(cgroup_->write("pids.max", own));
    RunningInjector injector(fault("processes", {}));
    EXPECT_EQ(injector.wait(), 1);
    EXPECT_THAT(injector.log(), HasSubstr(word));
    EXPECT_THAT(injector.log(), HasSubstr("name a number"));
  }
  EXPECT_EQ(victim.figures().fork_error, 0);
}

TEST_F(FaultEffect, APausedContainerTakesNoProcess) {
  const Victim victim(*cgroup_);
  ASSERT_TRUE(cgroup_->write("freezer.state", "FROZEN") || cgroup_->write("cgroup.freeze", "1"));
  const auto before = cgroup_->processes();
  RunningInjector injector(fault("cpu", {}));
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("is paused, or a cgroup above it is; resume it first"));
  // A child that was about to end when the freezer came may still have ended.
  for (const auto& [folder, pids] : cgroup_->processes()) EXPECT_THAT(before.at(folder), IsSupersetOf(pids));
}

TEST_F(FaultEffect, ProcessesAreAsManyAsAskedFor) {
  const RunningInjector injector(fault("processes", {"--count=25"}));
  ASSERT_TRUE(injector.says(kActive));
  EXPECT_TRUE(eventually([&] { return value(injector, "sonde_fault_measured_processes") == 25; }));
  for (const auto& [folder, pids] : cgroup_->processes())
    EXPECT_EQ(pids.size(), 26U) << folder;  // and their parent
}

TEST_F(FaultEffect, ProcessesNeedALimitOrACount) {
  RunningInjector injector(fault("processes", {}));
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("--count=max"));
}

TEST_F(FaultEffect, PausedTheContainerStandsStill) {
  const Victim victim(*cgroup_);
  const RunningInjector injector(fault("pause", {}));
  ASSERT_TRUE(injector.says(kActive));
  const uint64_t rounds = victim.figures().rounds;
  const double used = cgroup_->cpu_seconds();
  pass(std::chrono::milliseconds(500));
  EXPECT_EQ(victim.figures().rounds, rounds);
  EXPECT_EQ(cgroup_->cpu_seconds(), used);
  EXPECT_EQ(value(injector, "sonde_fault_measured_paused"), 1);
}

TEST_F(FaultEffect, APausedContainerIsNotPausedAgainNorResumed) {
  const Victim victim(*cgroup_);
  ASSERT_TRUE(cgroup_->write("freezer.state", "FROZEN") || cgroup_->write("cgroup.freeze", "1"));
  const uint64_t rounds = victim.figures().rounds;
  RunningInjector injector(fault("pause", {}));
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("paused already"));
  pass(std::chrono::milliseconds(100));
  EXPECT_LE(victim.figures().rounds, rounds + 1);
}

TEST_F(FaultEffect, AContainerThatHoldsTheInjectorIsNotPaused) {
  const Victim victim(*cgroup_);
  // A shell that enters the cgroup, wherever there is a freezer, and becomes the injector.
  std::string script;
  for (const auto& folder : cgroup_->folders())
    script += "echo $$ > " + (folder.path / "cgroup.procs").string() + "; ";
  script += std::string("exec ") + SONDE_INJECT + " pause --cgroup=" + cgroup_->path() +
            " --duration=1m --web.listen-address=127.0.0.1:0 --state-dir=/tmp/sonde-own-" +
            std::to_string(getpid()) + " 2>&1";
  FILE* output = popen(script.c_str(), "r");
  ASSERT_NE(output, nullptr);
  std::string text(4096, '\0');
  text.resize(fread(text.data(), 1, text.size(), output));
  EXPECT_EQ(WEXITSTATUS(pclose(output)), 1);
  EXPECT_THAT(text, HasSubstr("holds this injector too"));
  EXPECT_TRUE(victim.is_alive());
}

TEST_F(FaultEffect, APauseThatSomebodyEndsIsBroken) {
  const Victim victim(*cgroup_);
  RunningInjector injector(fault("pause", {}));
  ASSERT_TRUE(injector.says(kActive));
  ASSERT_TRUE(cgroup_->write("freezer.state", "THAWED") || cgroup_->write("cgroup.freeze", "0"));
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("somebody else has resumed"));
}

TEST_F(FaultEffect, KillsWhatIsRestartedAgainAndAgain) {
  std::optional<Victim> victim(std::in_place, *cgroup_);
  const RunningInjector injector(fault("kill", {"--every=2s"}));
  ASSERT_TRUE(injector.says(kActive));
  for (int time = 1; time <= 2; ++time) {
    EXPECT_FALSE(is_running(identify(victim->pid()).value())) << time;
    victim.emplace(*cgroup_);
    EXPECT_TRUE(eventually([&] { return value(injector, "sonde_fault_measured_kills") > time; })) << time;
  }
  EXPECT_GE(value(injector, "sonde_fault_measured_restarts"), 2);
}

TEST_F(FaultEffect, FaultsOfProcessesNeedOne) {
  for (const char* name : {"files", "pause", "kill"}) {
    RunningInjector injector(fault(name, {}));
    EXPECT_EQ(injector.wait(), 1);
    EXPECT_THAT(injector.log(), HasSubstr("has no process"));
    EXPECT_EQ(injector.log().find(kActive), std::string::npos);
  }
}

TEST_F(FaultEffect, FlapsInItsShapeAndStaysActive) {
  const Victim victim(*cgroup_);
  const RunningInjector injector(fault("files", {"--shape=flapping", "--period=2s", "--on-share=0.5"}));
  ASSERT_TRUE(injector.says(kActive));
  for (const double level : {0.0, 1.0}) {
    EXPECT_TRUE(eventually([&] { return value(injector, "sonde_fault_level_ratio") == level; })) << level;
    EXPECT_TRUE(eventually([&] { return victim.figures().open_error == (level == 1 ? EMFILE : 0); }))
        << level;
    EXPECT_EQ(value(injector, "sonde_fault_active"), 1);
  }
}

TEST_F(FaultEffect, RampsFromNothingToAllOfIt) {
  const RunningInjector injector(fault("processes", {"--count=40", "--shape=ramp", "--ramp=3s"}));
  ASSERT_TRUE(injector.says("fault put in place"));
  double last = 0;
  while (last < 40) {
    const double now = static_cast<double>(cgroup_->processes().begin()->second.size()) - 1;
    EXPECT_GE(now, last - 1);
    EXPECT_LE(now - last, 15);
    last = now;
    pass(std::chrono::milliseconds(300));
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(value(injector, "sonde_fault_level_ratio"), 1);
  EXPECT_EQ(value(injector, "sonde_fault_active"), 1);
}

TEST_F(FaultEffect, FindsItsTargetByName) {
  const Victim victim(*cgroup_);
  const RunningInjector injector({"cpu", "--namespace=" + cgroup_->namespace_name(), "--service=api",
                                  "--duration=1m", "--cores=0.2", "--min-effect=0.1"});
  ASSERT_TRUE(injector.says(kActive));
  EXPECT_THAT(cgroup_->processes().begin()->second, testing::Contains(injector.pid_in_state("process")));
}

}  // namespace
}  // namespace sonde::inject
