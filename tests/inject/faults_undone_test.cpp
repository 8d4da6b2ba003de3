// Every fault on a real cgroup, ended in every way: the machine is as it was before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <regex>
#include <set>
#include <thread>

#include "inject/fault_state.h"
#include "inject/faults/fault_table.h"
#include "inject/freezer.h"
#include "tests/identity/scratch_directory.h"
#include "tests/inject/machine.h"
#include "tests/inject/running_injector.h"
#include "tests/inject/test_cgroup.h"
#include "tests/inject/victim.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

struct FaultCase {
  std::string name;
  std::vector<std::string> flags;
};

/// For the names of the cases.
std::ostream& operator<<(std::ostream& out, const FaultCase& fault) {
  return out << fault.name;
}

std::vector<FaultCase> all_faults() {
  return {{"cpu", {"--cores=0.3", "--min-effect=0.1"}},
          {"memory", {"--rate=20MiB", "--ceiling=30MiB"}},
          {"disk", {"--rate=2MiB", "--file-size=1MiB", "--min-effect=0.1", "--folder=/var/tmp"}},
          {"files", {}},
          {"processes", {"--count=30"}},
          {"pause", {}},
          {"kill", {"--every=1s"}}};
}

/// Those of network_test.py: its line FAULTS = {"latency": (…), …}.
std::multiset<std::string> network_faults() {
  const std::string text = read_text(SONDE_SOURCE_DIR "/tests/inject/network_test.py");
  const size_t begin = text.find("\nFAULTS = {");
  const std::string line = text.substr(begin + 1, text.find('\n', begin + 1) - begin);
  std::multiset<std::string> names;
  const std::regex name(R"re("(\w+)": \()re");
  for (std::sregex_iterator found(line.begin(), line.end(), name), end; found != end; ++found) {
    names.insert((*found)[1]);
  }
  return names;
}

TEST(FaultsUndone, AreAllThatThereAre) {
  std::multiset<std::string> tested = network_faults();
  for (const FaultCase& fault : all_faults()) tested.insert(fault.name);
  std::multiset<std::string> known;
  for (const FaultRow& row : fault_table()) known.emplace(row.name);
  EXPECT_EQ(tested, known);
}

TEST(FaultsUndone, WhatIsAtWorkAndWhoWasMovedIsSeen) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: cgroups are made and processes moved into them";
  const TestCgroup cgroup;
  const Victim victim(cgroup);
  const pid_t stranger = fork();
  if (stranger == 0) {
    for (;;) pause();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // the youngest do not count
  const Machine before = look(cgroup, victim);
  EXPECT_EQ(moved_between(before, look(cgroup, victim)), std::vector<std::string>{});
  EXPECT_TRUE(cgroup.write("cgroup.procs", std::to_string(stranger)));
  EXPECT_THAT(moved_between(before, look(cgroup, victim)),
              testing::ElementsAre(StartsWith(std::to_string(stranger) + " ")));
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  const RunningInjector injector({"cpu", "--cgroup=" + cgroup.path(), "--duration=1m"});
  EXPECT_TRUE(eventually([&] { return look(cgroup, victim).programs.size() > before.programs.size(); }));
}

class EveryFault : public testing::TestWithParam<FaultCase> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: cgroups are made and processes moved into them";
    cgroup_.emplace();
    victim_.emplace(*cgroup_);
    before_ = look(*cgroup_, *victim_);
  }

  [[nodiscard]] std::vector<std::string> arguments(const std::string& duration) const {
    std::vector<std::string> words = {GetParam().name, "--cgroup=" + cgroup_->path(),
                                      "--duration=" + duration, "--linger=100ms"};
    words.insert(words.end(), GetParam().flags.begin(), GetParam().flags.end());
    return words;
  }

  /// No process of the program is left, no state file, and the machine is as before, with a victim that
  /// works.
  void expect_nothing_left(const RunningInjector& injector, bool was_active = true) {
    EXPECT_TRUE(eventually([&] { return injector.processes().empty(); }));
    EXPECT_FALSE(fs::exists(injector.state_folder()) && !fs::is_empty(injector.state_folder()));
    const Machine after = look(*cgroup_, *victim_);
    EXPECT_EQ(after.programs, before_.programs);
    EXPECT_EQ(moved_between(before_, after), std::vector<std::string>{});
    if (GetParam().name == "kill") {  // nothing is to be undone: nobody has restarted it
      EXPECT_TRUE(cgroup_->processes().empty() || (!was_active && victim_->is_alive()));
      return;
    }
    EXPECT_TRUE(victim_->is_alive());
    EXPECT_EQ(victim_->figures().open_error, 0);
    EXPECT_EQ(victim_->figures().fork_error, 0);
    EXPECT_TRUE(eventually([&] { return only_the_victim(); }));
    EXPECT_EQ(after.freezers, before_.freezers);
    EXPECT_EQ(after.cgroups, before_.cgroups);
    EXPECT_EQ(after.files, before_.files);
    EXPECT_EQ(after.victim, before_.victim);
  }

  /// Of a fault that kills it, for another round.
  void renew_victim() {
    if (!cgroup_->processes().empty()) return;
    victim_.reset();
    victim_.emplace(*cgroup_);
  }

  /// Its children of a moment come and go.
  [[nodiscard]] bool only_the_victim() const {
    const auto processes = cgroup_->processes();
    return processes.size() == cgroup_->folders().size() &&
           std::ranges::all_of(
               processes, [&](const auto& entry) { return entry.second == std::vector{victim_->pid()}; });
  }

  std::optional<TestCgroup> cgroup_;
  std::optional<Victim> victim_;
  Machine before_;
};

TEST_P(EveryFault, IsUndoneWhenItsDurationIsOver) {
  RunningInjector injector(arguments("2s"));
  ASSERT_TRUE(injector.says("fault is active"));
  EXPECT_EQ(injector.wait(), 0);
  expect_nothing_left(injector);
}

TEST_P(EveryFault, IsUndoneOnASignal) {
  RunningInjector injector(arguments("1m"));
  ASSERT_TRUE(injector.says("fault is active"));
  injector.signal(SIGTERM);
  EXPECT_EQ(injector.wait(), 0);
  expect_nothing_left(injector);
}

TEST_P(EveryFault, IsUndoneByTheWatchdogWhenTheInjectorIsKilled) {
  RunningInjector injector(arguments("1m"));
  ASSERT_TRUE(injector.says("fault is active"));
  injector.signal(SIGKILL);
  EXPECT_EQ(injector.wait(), -SIGKILL);
  EXPECT_TRUE(injector.says("fault undone by the watchdog"));
  expect_nothing_left(injector);
}

TEST_P(EveryFault, IsUndoneByTheCommandWhenBothAreKilled) {
  RunningInjector injector(arguments("1m"));
  ASSERT_TRUE(injector.says("fault is active"));
  injector.kill_both();
  for (int time = 0; time < 2; ++time) {  // the second time there is nothing to do
    const auto [text, code] = run_program({"undo", "--state-dir=" + injector.state_folder().string()});
    EXPECT_EQ(code, 0) << text;
    EXPECT_THAT(text, HasSubstr(time == 0 ? "undone" : "no fault is in place"));
  }
  expect_nothing_left(injector);
}

/// Killed at some time of its first second, before there is a fault, while it begins or is proven.
TEST_P(EveryFault, IsUndoneWheneverTheInjectorIsKilled) {
  std::minstd_rand random(std::hash<std::string>()(GetParam().name));
  for (int round = 0; round < 4; ++round) {
    const auto after = std::chrono::milliseconds(random() % 1000);
    SCOPED_TRACE(testing::Message() << "killed after " << after.count() << " ms");
    renew_victim();
    RunningInjector injector(arguments("1m"));
    std::this_thread::sleep_for(after);
    injector.signal(SIGKILL);
    EXPECT_EQ(injector.wait(), -SIGKILL);
    expect_nothing_left(injector, false);
  }
}

/// Killed while it undoes, which takes some milliseconds.
TEST_P(EveryFault, IsUndoneWhereTheInjectorIsKilledWhileItUndoes) {
  std::minstd_rand random(std::hash<std::string>()(GetParam().name));
  for (int round = 0; round < 3; ++round) {
    const auto after = std::chrono::microseconds(random() % 20'000);
    SCOPED_TRACE(testing::Message() << "killed after " << after.count() << " us");
    renew_victim();
    RunningInjector injector(arguments("1m"));
    ASSERT_TRUE(injector.says("fault put in place"));
    injector.signal(SIGTERM);
    std::this_thread::sleep_for(after);
    injector.signal(SIGKILL);
    (void)injector.wait();  // whichever came first
    expect_nothing_left(injector, false);
  }
}

TEST_P(EveryFault, OfAnotherBootIsNobodysInThisOne) {
  const fs::path folder = fs::temp_directory_path() / ("sonde-boot-" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string pid = std::to_string(victim_->pid());
  std::ofstream(folder / "fault-4711.state")
      << "sonde-fault-state 1\nfault " << GetParam().name << "\ncgroup " << cgroup_->path()
      << "\nboot_id 00000000-0000-0000-0000-000000000000\nexpires_unix_ms 1790000000000\ninjector " << pid
      << " 1\nwatchdog " << pid << " 1\nprocess " << pid << " 1\ndetail files-" << pid << " 1 100 20000\n";
  fs::permissions(folder / "fault-4711.state", fs::perms::owner_read | fs::perms::owner_write);
  const auto [text, code] = run_program({"undo", "--state-dir=" + folder.string()});
  EXPECT_EQ(code, 0) << text;
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_TRUE(victim_->is_alive());
  EXPECT_EQ(look(*cgroup_, *victim_).victim, before_.victim);
  fs::remove_all(folder);
}

/// `sonde-inject undo` of a pause whose both processes are gone, as if the cgroup had had that freezer.
class UndoOfAPause : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: cgroups are made and frozen";
    cgroup_.emplace();
    ASSERT_TRUE(cgroup_->write("freezer.state", "FROZEN") || cgroup_->write("cgroup.freeze", "1"));
  }
  [[nodiscard]] Freezer freezer() const {
    return Freezer::find(CgroupTarget::find(cgroup_->path()).value()).value();
  }
  [[nodiscard]] std::pair<std::string, int> undo(const std::string& mark) const {
    FaultState state;
    state.fault = "pause";
    state.cgroup = cgroup_->path();
    state.boot_id = boot_id();
    state.expires_unix_ms = 1;
    state.injector = state.watchdog = {getpid(), 1};  // a pid that was used again since
    state.details = {{"frozen-by-us", mark}};
    EXPECT_TRUE(write_state(state_path(folder_.path(), state.injector), state));
    return run_program({"undo", "--state-dir=" + folder_.path()});
  }

  test::ScratchDirectory folder_;
  std::optional<TestCgroup> cgroup_;
};

TEST_F(UndoOfAPause, ResumesTheCgroupThatWasPaused) {
  EXPECT_EQ(undo(freezer().mark()).second, 0);
  EXPECT_FALSE(freezer().is_asked_for().value());
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(UndoOfAPause, LeavesAnotherCgroupOfItsPathAlone) {
  const std::string mark = freezer().mark();
  EXPECT_EQ(undo(mark.substr(0, mark.find(' ')) + " 1").second, 0);
  EXPECT_TRUE(freezer().is_asked_for().value());
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(UndoOfAPause, FailsAndKeepsTheStateWhereItCannotSeeTheFreezer) {
  const auto [text, code] = undo("nowhere 1");
  EXPECT_EQ(code, 1);
  EXPECT_THAT(text, HasSubstr("nowhere"));
  EXPECT_FALSE(fs::is_empty(folder_.path()));
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryFault, testing::ValuesIn(all_faults()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace sonde::inject
