// The program on real cgroups: what it does to its target is measured here by other means than its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>

#include "common/clock.h"
#include "tests/inject/running_injector.h"
#include "tests/inject/test_cgroup.h"

namespace sonde::inject {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kActiveLine = "fault is active";

class Injection : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: cgroups are made and processes moved into them";
    cgroup_.emplace();
    before_ = cgroup_->processes();
  }

  std::vector<std::string> cpu(const std::string& duration,
                               std::vector<std::string> more = {"--cores=0.5"}) const {
    std::vector<std::string> arguments = {"cpu", "--cgroup=" + cgroup_->path(), "--duration=" + duration};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  /// No process of the program is left, none in the cgroup, no state file.
  void expect_nothing_left(const RunningInjector& injector) const {
    EXPECT_TRUE(eventually([&] { return injector.processes().empty(); }));
    EXPECT_EQ(cgroup_->processes(), before_);
    EXPECT_THAT(files(injector), IsEmpty());
  }

  static std::vector<std::string> files(const RunningInjector& injector) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(injector.state_folder(), none)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  [[nodiscard]] std::map<std::string, std::string> labels() const {
    return {{"namespace", cgroup_->namespace_name()},
            {"pod", "api-2"},
            {"container", "api-2"},
            {"service", "api"},
            {"fault", "cpu"}};
  }

  std::optional<TestCgroup> cgroup_;
  std::map<std::string, std::vector<pid_t>> before_;
};

/// What a process and its cgroup did with the CPUs over two seconds.
struct Usage {
  double used_cores = 0;     ///< by the cgroup's counter
  double waiting_cores = 0;  ///< how many of its threads were ready to run and had no CPU, on average
};

/// Time that the process's threads waited for a CPU so far. Unit: seconds. Source: schedstat, the second
/// number.
double waited_seconds(pid_t pid) {
  double waited_ns = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(task.path() / "schedstat");
    double run = 0;
    double wait = 0;
    if (file >> run >> wait) waited_ns += wait;
  }
  return waited_ns / 1e9;
}

Usage usage_of(const TestCgroup& cgroup, pid_t hog) {
  const auto start = SteadyClock::now();
  const double used_before = cgroup.cpu_seconds();
  const double waited_before = waited_seconds(hog);
  (void)eventually([&] { return SteadyClock::now() - start >= std::chrono::seconds(2); });
  const std::chrono::duration<double> wall = SteadyClock::now() - start;
  return {(cgroup.cpu_seconds() - used_before) / wall.count(),
          (waited_seconds(hog) - waited_before) / wall.count()};
}

class InjectionOfCores : public Injection, public testing::WithParamInterface<double> {};

TEST_P(InjectionOfCores, UsesTheCoresAskedFor) {
  const double cores = GetParam();
  if (cores > std::thread::hardware_concurrency()) GTEST_SKIP() << "needs " << cores << " CPUs";
  const RunningInjector injector(cpu("1m", {"--cores=" + std::to_string(cores), "--min-effect=0.1"}));
  ASSERT_TRUE(injector.says(kActiveLine));
  const Usage usage = usage_of(*cgroup_, injector.pid_in_state("process"));
  EXPECT_LE(usage.used_cores, 1.1 * cores);
  // On a machine with nothing else to do this is what it used; on a busy one it must have asked for it at
  // least.
  EXPECT_GE(usage.used_cores + usage.waiting_cores, 0.9 * cores);
}

TEST_P(InjectionOfCores, PublishesWhatItUses) {
  const double cores = GetParam();
  if (cores > std::thread::hardware_concurrency()) GTEST_SKIP() << "needs " << cores << " CPUs";
  const RunningInjector injector(cpu("1m", {"--cores=" + std::to_string(cores), "--min-effect=0.1"}));
  ASSERT_TRUE(injector.says(kActiveLine));
  const double start = injector.scrape().value("sonde_fault_start_timestamp_seconds", labels());
  (void)usage_of(*cgroup_, injector.pid_in_state("process"));  // two seconds pass
  const auto page = injector.scrape();
  const double mean = cgroup_->cpu_seconds() / (unix_seconds_now() - start);
  EXPECT_EQ(page.value("sonde_fault_active", labels()), 1);
  EXPECT_DOUBLE_EQ(page.value("sonde_fault_asked_cores", labels()), cores);
  EXPECT_NEAR(page.value("sonde_fault_measured_cores", labels()), mean, 0.2 * cores);
  EXPECT_NEAR(page.value("sonde_fault_cgroup_cores", labels()), mean, 0.2 * cores);
}

INSTANTIATE_TEST_SUITE_P(Cores, InjectionOfCores, testing::Values(0.3, 1.0, 1.5));

TEST_F(Injection, PutsOneProcessIntoEveryHierarchy) {
  const RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  const auto processes = cgroup_->processes();
  EXPECT_EQ(processes.size(), cgroup_->folders().size());
  for (const auto& [folder, pids] : processes) {
    EXPECT_THAT(pids, testing::ElementsAre(injector.pid_in_state("process"))) << folder;
  }
}

TEST_F(Injection, IsActiveOnlyOnceProven) {
  const RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(eventually([&] { return injector.get("/-/healthy").has_value(); }));
  // Whatever is scraped before the log says "active" must not say so, nor name a start.
  const auto page = injector.scrape();
  if (injector.log().find(kActiveLine) == std::string::npos) {
    EXPECT_EQ(page.value("sonde_fault_active", labels()), 0);
    EXPECT_THAT(page.find("sonde_fault_start_timestamp_seconds"), IsEmpty());
  }
  ASSERT_TRUE(injector.says(kActiveLine));
  EXPECT_EQ(injector.scrape().value("sonde_fault_active", labels()), 1);
}

TEST_F(Injection, UnderACpuLimitIsProvenAgainstTheLimit) {
  if (!cgroup_->write("cpu.cfs_quota_us", "20000") && !cgroup_->write("cpu.max", "20000 100000")) {
    GTEST_SKIP() << "needs the cpu controller";
  }
  const RunningInjector injector(cpu("1m", {"--cores=1", "--min-effect=0.7"}));
  ASSERT_TRUE(injector.says(kActiveLine));
  EXPECT_THAT(injector.log(), HasSubstr("the cgroup's limit is 0.20"));
  EXPECT_NEAR(usage_of(*cgroup_, injector.pid_in_state("process")).used_cores, 0.2, 0.05);
}

TEST_F(Injection, ThatShowsNoEffectIsUndoneAndNeverActive) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two CPUs, to leave one of them out";
  if (!cgroup_->write("cpuset.cpus", "0")) GTEST_SKIP() << "needs the cpuset controller";
  // Two cores are asked for where one is to be had.
  RunningInjector injector(cpu("1m", {"--cores=2", "--min-effect=0.9", "--proof-timeout=1s"}));
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("its effect did not show"));
  EXPECT_EQ(injector.log().find(kActiveLine), std::string::npos);
  expect_nothing_left(injector);
}

TEST_F(Injection, EndsByItselfAndStaysUntilScrapedTwice) {
  const double earliest = unix_seconds_now();
  RunningInjector injector(cpu("2s"));
  ASSERT_TRUE(injector.says("fault undone"));
  const double latest = unix_seconds_now();
  EXPECT_EQ(cgroup_->processes(), before_);
  for (int scrape = 0; scrape < 2; ++scrape) {
    EXPECT_FALSE(injector.is_over()) << "before scrape " << scrape;
    const auto page = injector.scrape();
    EXPECT_EQ(page.value("sonde_fault_active", labels()), 0);
    const double start = page.value("sonde_fault_start_timestamp_seconds", labels());
    const double end = page.value("sonde_fault_end_timestamp_seconds", labels());
    EXPECT_GE(start, earliest);
    EXPECT_GE(end - start, 1.99);
    EXPECT_LE(end, latest);
  }
  EXPECT_EQ(injector.wait(), 0);
  expect_nothing_left(injector);
}

TEST_F(Injection, LeavesAfterTheBoundWhereNobodyScrapes) {
  RunningInjector injector(cpu("1s", {"--cores=0.5", "--linger=100ms"}));
  EXPECT_EQ(injector.wait(), 0);
  expect_nothing_left(injector);
}

TEST_F(Injection, IsUndoneOnSignals) {
  for (const int number : {SIGTERM, SIGINT}) {
    RunningInjector injector(cpu("1m"));
    ASSERT_TRUE(injector.says(kActiveLine));
    injector.signal(number);
    EXPECT_EQ(injector.wait(), 0) << "signal " << number;
    expect_nothing_left(injector);
  }
}

TEST_F(Injection, LingersAfterASignalWhereItIsScrapedAndLeavesAtTheSecond) {
  RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  EXPECT_EQ(injector.scrape().value("sonde_fault_active", labels()), 1);
  injector.signal(SIGTERM);
  ASSERT_TRUE(injector.says("waiting until the end was scraped twice"));
  EXPECT_EQ(cgroup_->processes(), before_);
  EXPECT_EQ(injector.scrape().value("sonde_fault_active", labels()), 0);
  EXPECT_FALSE(injector.is_over());
  injector.signal(SIGTERM);
  EXPECT_EQ(injector.wait(), 0);
  expect_nothing_left(injector);
}

TEST_F(Injection, IsUndoneByTheWatchdogWhenTheInjectorIsKilled) {
  RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  injector.signal(SIGKILL);
  EXPECT_EQ(injector.wait(), -SIGKILL);
  EXPECT_TRUE(injector.says("fault undone by the watchdog"));
  expect_nothing_left(injector);
}

TEST_F(Injection, LeavesNoProcessWhenBothAreKilledAndUndoRemovesTheRest) {
  RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  injector.kill_both();
  EXPECT_TRUE(eventually([&] { return injector.processes().empty(); }));
  EXPECT_EQ(cgroup_->processes(), before_);
  EXPECT_EQ(files(injector).size(), 1U);
  const auto [text, code] = run_program({"undo", "--state-dir=" + injector.state_folder().string()});
  EXPECT_EQ(code, 0) << text;
  EXPECT_THAT(text, HasSubstr("undone"));
  expect_nothing_left(injector);
}

TEST_F(Injection, IsRefusedWhereAnEarlierOneWasLeftBehind) {
  RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  injector.kill_both();
  const std::string folder = "--state-dir=" + injector.state_folder().string();
  const auto begin = [&] {
    return run_program(cpu("1s", {"--linger=0s", "--web.listen-address=:0", folder}));
  };
  const auto check = [&](const std::string& cgroup) {
    return run_program({"cpu", "--cgroup=" + cgroup, "--duration=1s", "--check", folder});
  };
  const auto [text, code] = begin();
  EXPECT_EQ(code, 1);
  EXPECT_THAT(text, HasSubstr("cpu in " + cgroup_->path() + " was left behind"));
  EXPECT_THAT(text, HasSubstr("sonde-inject undo " + folder));
  EXPECT_EQ(check(cgroup_->path()).second, 1);
  EXPECT_EQ(check("/" + cgroup_->namespace_name()).second, 0) << "another cgroup";
  EXPECT_EQ(run_program({"undo", folder}).second, 0);
  EXPECT_EQ(begin().second, 0);
  expect_nothing_left(injector);
}

TEST_F(Injection, CheckedSaysWhatItWouldDoToWhichContainer) {
  const auto [text, code] = run_program(cpu("1m", {"--cores=0.5", "--check"}));
  EXPECT_EQ(code, 0);
  EXPECT_EQ(text, "cpu --cores=0.5 --min-effect=0.5 would be put into " + cgroup_->path() + " (" +
                      cgroup_->namespace_name() + "/api-2/api-2) for 1m; nothing was done\n");
  EXPECT_EQ(cgroup_->processes(), before_);
}

TEST_F(Injection, EndsWhenItsWatchdogIsKilled) {
  RunningInjector injector(cpu("1m", {"--cores=0.5", "--linger=100ms"}));
  ASSERT_TRUE(injector.says(kActiveLine));
  kill(injector.pid_in_state("watchdog"), SIGKILL);
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("the watchdog is gone"));
  expect_nothing_left(injector);
}

TEST_F(Injection, EndsWhenTheInjectedProcessIsKilled) {
  RunningInjector injector(cpu("1m", {"--cores=0.5", "--linger=100ms"}));
  ASSERT_TRUE(injector.says(kActiveLine));
  kill(injector.pid_in_state("process"), SIGKILL);
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("it is no longer in place"));
  expect_nothing_left(injector);
}

TEST_F(Injection, IsUndoneWhenTheLeaseRunsOutOnAHungInjector) {
  RunningInjector injector(cpu("1s", {"--cores=0.5", "--linger=100ms"}));
  ASSERT_TRUE(injector.says(kActiveLine));
  injector.signal(SIGSTOP);
  EXPECT_TRUE(injector.says("the lease ran out"));
  EXPECT_EQ(cgroup_->processes(), before_);
  injector.signal(SIGCONT);
  injector.wait();
  expect_nothing_left(injector);
}

TEST_F(Injection, ThatCannotBeUndoneDoesNotSayThatItIs) {
  RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  // A process that v1's freezer holds cannot even be killed.
  if (!cgroup_->write("freezer.state", "FROZEN")) GTEST_SKIP() << "needs v1's freezer";
  EXPECT_EQ(injector.scrape().value("sonde_fault_active", labels()), 1);
  injector.signal(SIGTERM);
  EXPECT_EQ(injector.wait(), 1);
  EXPECT_THAT(injector.log(), HasSubstr("not wholly undone"));
  EXPECT_THAT(injector.log(), testing::Not(HasSubstr("fault undone")));
  EXPECT_THAT(injector.log(), testing::Not(HasSubstr("waiting until the end was scraped")));
  EXPECT_EQ(files(injector).size(), 1U);
  ASSERT_TRUE(cgroup_->write("freezer.state", "THAWED"));
  // Either the watchdog, who is at it, or the command.
  EXPECT_TRUE(eventually(
      [&] { return run_program({"undo", "--state-dir=" + injector.state_folder().string()}).second == 0; }));
  expect_nothing_left(injector);
}

TEST_F(Injection, IsLeftAloneByUndoWhileItRunsAndEndedByAll) {
  RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  const std::string folder = "--state-dir=" + injector.state_folder().string();
  const auto [text, code] = run_program({"undo", folder});
  EXPECT_EQ(code, 0);
  EXPECT_THAT(text, HasSubstr("left alone"));
  EXPECT_FALSE(cgroup_->processes().empty());
  std::jthread reaper([&] { injector.wait(); });  // undo waits until the injector is gone for good
  EXPECT_EQ(run_program({"undo", folder, "--all"}).second, 0);
  reaper.join();
  expect_nothing_left(injector);
}

TEST_F(Injection, LeavesNothingWhereItsPortIsTaken) {
  const RunningInjector first(cpu("1m"));
  ASSERT_TRUE(first.says(kActiveLine));
  const auto in_use = cgroup_->processes();
  const std::string log = first.log();
  const auto at = log.find(" port=") + 6;
  const std::string port = log.substr(at, log.find_first_not_of("0123456789", at) - at);
  RunningInjector second(cpu("1m", {"--web.listen-address=127.0.0.1:" + port}));
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.log(), HasSubstr(port));
  EXPECT_TRUE(eventually([&] { return second.processes().empty(); }));
  EXPECT_EQ(cgroup_->processes(), in_use);
}

TEST_F(Injection, HasCleanMetrics) {
  const RunningInjector injector(cpu("1m"));
  ASSERT_TRUE(injector.says(kActiveLine));
  const auto body = injector.get("/metrics").value_or("");
  EXPECT_THAT(test::duplicate_series(body), IsEmpty());
  EXPECT_THAT(body, HasSubstr("sonde_build_info{program=\"sonde-inject\""));
  EXPECT_THAT(body, HasSubstr("process_start_time_seconds"));
  FILE* promtool = popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  fputs(body.c_str(), promtool);
  EXPECT_EQ(pclose(promtool), 0);
}

TEST(InjectionWithoutRoot, SaysWhatIsMissing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  constexpr uid_t kNobody = 65534;
  const auto [text, code] = run_program({"cpu", "--cgroup=/x", "--duration=1s"}, kNobody);
  if (code == 127) GTEST_SKIP() << "the build folder cannot be read by other users";
  EXPECT_EQ(code, 1);
  EXPECT_THAT(text, HasSubstr("needs root"));
}

}  // namespace
}  // namespace sonde::inject
