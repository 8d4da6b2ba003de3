// The program on real cgroups, with real injectors as its children.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <optional>

#include "inject/fault_state.h"
#include "tests/identity/scratch_directory.h"
#include "tests/inject/running_injector.h"
#include "tests/inject/test_cgroup.h"
#include "tests/inject/victim.h"

namespace sonde::inject {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Campaign : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: cgroups are made and processes moved into them";
    cgroup_.emplace();
    before_ = cgroup_->processes();
  }

  /// Injections of 2 s, 1 s apart unless `times` says otherwise, in the one cgroup.
  std::vector<std::string> arguments(const std::string& faults, std::vector<std::string> more = {},
                                     const std::string& times = "pause_time: 1s\n") const {
    const std::string file = (std::filesystem::path(folder_.path()) / "campaign.yml").string();
    std::ofstream(file) << "warm_up: 0s\ninjection_duration: 2s\norder: listed\n"
                        << times << "targets: [{cgroup: " << cgroup_->path() << "}]\nfaults: " << faults
                        << "\n";
    std::vector<std::string> words = {"campaign", file};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  /// No process of the program is left, none in the cgroup, no state file.
  void expect_nothing_left(const RunningInjector& campaign) const {
    EXPECT_TRUE(eventually([&] { return campaign.processes().empty(); }));
    EXPECT_EQ(cgroup_->processes(), before_);
    std::error_code none;
    EXPECT_EQ(std::filesystem::directory_iterator(campaign.state_folder(), none),
              std::filesystem::directory_iterator());
  }

  /// The state of the one fault that the campaign has in place.
  static FaultState state_of(const RunningInjector& campaign) {
    const auto paths = list_states(campaign.state_folder());
    EXPECT_EQ(paths.size(), 1U);
    return paths.empty() ? FaultState() : read_state(paths.front()).value_or(FaultState());
  }
  static pid_t injector_of(const RunningInjector& campaign) { return state_of(campaign).injector.pid; }
  static pid_t watchdog_of(const RunningInjector& campaign) { return state_of(campaign).watchdog.pid; }

  [[nodiscard]] std::map<std::string, std::string> labels() const {
    return {{"namespace", cgroup_->namespace_name()},
            {"pod", "api-2"},
            {"container", "api-2"},
            {"service", "api"},
            {"fault", "cpu"}};
  }

  static constexpr const char* kCpu = "[{fault: cpu, cores: 0.2, min-effect: 0.1}]";
  test::ScratchDirectory folder_;
  std::optional<TestCgroup> cgroup_;
  std::map<std::string, std::vector<pid_t>> before_;
};

TEST_F(Campaign, InjectsOneAfterTheOtherAndPublishesEach) {
  RunningInjector campaign(
      arguments("[{fault: cpu, cores: 0.2, min-effect: 0.1}, {fault: cpu, cores: 0.3, min-effect: 0.1}]",
                {"--linger=5s"}));
  EXPECT_TRUE(eventually([&] {
    return campaign.get("/metrics") && campaign.scrape().value("sonde_fault_active", labels()) == 1;
  }));
  const auto page = campaign.scrape();
  EXPECT_EQ(page.value("sonde_fault_in_place", labels()), 1);
  EXPECT_NEAR(page.value("sonde_fault_asked_cores", labels()), 0.2, 1e-6);  // a mean over measured times
  EXPECT_EQ(page.value("sonde_campaign_injections", {}), 2);
  EXPECT_TRUE(eventually([&] {
    return campaign.get("/metrics") &&
           campaign.scrape().value("sonde_campaign_injections_ended_total", {{"outcome", "proven"}}) == 1;
  }));
  EXPECT_EQ(campaign.scrape().value("sonde_fault_active", labels()), 0);
  EXPECT_EQ(campaign.wait(), 0) << campaign.log();
  expect_nothing_left(campaign);
}

TEST_F(Campaign, ASignalTakesTheFaultBackAndResumeGoesOn) {
  const auto words =
      arguments("[{fault: cpu, cores: 0.2, min-effect: 0.1}, {fault: cpu, cores: 0.3, min-effect: 0.1}]");
  {
    RunningInjector campaign(words);
    ASSERT_TRUE(campaign.says("number=2"));
    campaign.signal(SIGINT);
    EXPECT_EQ(campaign.wait(), 3) << campaign.log();
    expect_nothing_left(campaign);
  }
  {
    RunningInjector again(words);
    EXPECT_EQ(again.wait(), 1);
    EXPECT_THAT(again.log(), HasSubstr("1 of 2 injections are over; --resume goes on"));
  }
  auto resume = words;
  resume.emplace_back("--resume");
  RunningInjector campaign(resume);
  EXPECT_EQ(campaign.wait(), 0) << campaign.log();
  EXPECT_THAT(campaign.log(), testing::Not(HasSubstr("number=1 ")));
  EXPECT_THAT(campaign.log(), HasSubstr("number=2 "));
  expect_nothing_left(campaign);
}

TEST_F(Campaign, KilledItLeavesNothing) {
  RunningInjector campaign(arguments(kCpu));
  ASSERT_TRUE(eventually([&] {
    return campaign.get("/metrics") && campaign.scrape().value("sonde_fault_in_place", labels()) == 1;
  }));
  campaign.signal(SIGKILL);
  EXPECT_EQ(campaign.wait(), -SIGKILL);
  expect_nothing_left(campaign);
}

TEST_F(Campaign, GivesAHungInjectorUpSoonAfterItsWatchdogHasUndoneTheFault) {
  RunningInjector campaign(arguments(kCpu, {"--linger=100ms"}));
  ASSERT_TRUE(eventually([&] {
    return campaign.get("/metrics") && campaign.scrape().value("sonde_fault_active", labels()) == 1;
  }));
  const auto begin = std::chrono::steady_clock::now();
  kill(injector_of(campaign), SIGSTOP);
  EXPECT_TRUE(eventually([&] { return cgroup_->processes() == before_; }));
  EXPECT_TRUE(eventually([&] { return campaign.scrape().value("sonde_fault_in_place", labels()) == 0; },
                         std::chrono::seconds(6)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(campaign.wait(), 4) << campaign.log();
  expect_nothing_left(campaign);
}

TEST_F(Campaign, WaitsForTheWatchdogOfAnInjectorThatWasKilled) {
  RunningInjector campaign(arguments(kCpu, {"--linger=100ms"}));
  ASSERT_TRUE(eventually([&] {
    return campaign.get("/metrics") && campaign.scrape().value("sonde_fault_active", labels()) == 1;
  }));
  const pid_t injector = injector_of(campaign);
  const pid_t watchdog = watchdog_of(campaign);
  kill(watchdog, SIGSTOP);
  kill(injector, SIGKILL);
  EXPECT_TRUE(eventually([&] { return cgroup_->processes() == before_; }));
  EXPECT_EQ(campaign.scrape().value("sonde_fault_in_place", labels()), 1) << "its state is there still";
  kill(watchdog, SIGCONT);
  EXPECT_TRUE(eventually([&] { return campaign.scrape().value("sonde_fault_in_place", labels()) == 0; },
                         std::chrono::seconds(5)));
  EXPECT_EQ(campaign.wait(), 4) << campaign.log();
  expect_nothing_left(campaign);
}

TEST_F(Campaign, AFaultThatIsLeftStaysInPlaceWhereItsRepetitionIsRefused) {
  std::optional<Victim> victim(std::in_place, *cgroup_);
  RunningInjector campaign(arguments("[{fault: pause}]", {"--linger=100ms"}, "repeat: 2\npause_time: 3s\n"));
  auto paused = labels();
  paused["fault"] = "pause";
  ASSERT_TRUE(eventually([&] {
    return campaign.get("/metrics") && campaign.scrape().value("sonde_fault_active", paused) == 1;
  }));
  const FaultState state = state_of(campaign);
  kill(state.watchdog.pid, SIGSTOP);
  kill(state.injector.pid, SIGKILL);
  kill(state.watchdog.pid, SIGKILL);
  ASSERT_TRUE(campaign.says("a fault is not undone; run sonde-inject undo"));
  ASSERT_TRUE(campaign.says("could not be put in place"));
  EXPECT_EQ(campaign.scrape().value("sonde_fault_in_place", paused), 1);
  EXPECT_EQ(campaign.scrape().value("sonde_fault_active", paused), 0);
  EXPECT_THAT(campaign.scrape().find("sonde_fault_end_timestamp_seconds"), IsEmpty());
  EXPECT_EQ(campaign.wait(), 4) << campaign.log();
  EXPECT_EQ(run_program({"undo", "--state-dir=" + campaign.state_folder().string()}).second, 0);
  victim.reset();
  expect_nothing_left(campaign);
}

TEST_F(Campaign, DoesNotBeginWhereAFaultWasLeftBehind) {
  const auto words = arguments(kCpu);
  {
    const Victim victim(*cgroup_);
    RunningInjector injector({"pause", "--cgroup=" + cgroup_->path(), "--duration=1m"});
    ASSERT_TRUE(injector.says("fault is active"));
    injector.kill_both();
    const std::string folder = "--state-dir=" + injector.state_folder().string();
    for (const char* flag : {"--check", "--linger=0s"}) {
      auto again = words;
      again.insert(again.end(), {folder, flag, "--web.listen-address=127.0.0.1:0"});
      const auto [text, code] = run_program(again);
      EXPECT_EQ(code, 1);
      EXPECT_THAT(text, HasSubstr("pause in " + cgroup_->path() + " was left behind"));
      EXPECT_THAT(text, HasSubstr("sonde-inject undo " + folder));
      EXPECT_THAT(text, testing::Not(HasSubstr("injection begins")));
    }
    EXPECT_EQ(run_program({"undo", folder}).second, 0);
  }
  RunningInjector campaign(words);
  EXPECT_EQ(campaign.wait(), 0) << campaign.log();
}

TEST_F(Campaign, CheckedTellsEveryTargetThatIsNotThere) {
  const auto words = arguments(kCpu, {"--check"});
  EXPECT_EQ(run_program(words).second, 0);
  std::ofstream(words[1]) << "targets: [{service: sonde-apx}, {cgroup: " << cgroup_->path()
                          << "}, {service: sonde-reds}]\nfaults: " << kCpu << "\n";
  const auto [text, code] = run_program(words);
  EXPECT_EQ(code, 1);
  EXPECT_THAT(text, HasSubstr("targets[0]: --service=sonde-apx: no container matches"));
  EXPECT_THAT(text, HasSubstr("targets[2]: --service=sonde-reds: no container matches"));
  EXPECT_THAT(text, HasSubstr("2 of 3 targets cannot be used"));
}

/// A neighbour of the test's cgroup, api-1, with a process once it starts.
class Neighbour {
 public:
  explicit Neighbour(const TestCgroup& cgroup) {
    for (const auto& folder : cgroup.folders()) folders_.push_back(folder.path.parent_path() / "api-1");
    for (const auto& folder : folders_) {
      std::filesystem::create_directory(folder);
      for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
        std::ifstream above(folder.parent_path() / file);
        if (above) std::ofstream(folder / file) << above.rdbuf();
      }
    }
  }
  void start() {
    child_ = fork();
    if (child_ != 0) return;
    for (const auto& folder : folders_) std::ofstream(folder / "cgroup.procs") << "0" << std::flush;
    for (;;) pause();
  }
  ~Neighbour() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    for (const auto& folder : folders_) EXPECT_TRUE(eventually([&] { return rmdir(folder.c_str()) == 0; }));
  }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

 private:
  std::vector<std::filesystem::path> folders_;
  pid_t child_ = 0;
};

TEST_F(Campaign, KeepsToTheContainersThatItsNamesStoodForAtItsBegin) {
  Neighbour neighbour(*cgroup_);
  {
    const Victim victim(*cgroup_);  // the only replica that runs
    auto words = arguments(kCpu, {"--linger=100ms"});
    std::ofstream(words[1]) << "warm_up: 0s\ninjection_duration: 2s\npause_time: 1s\nrepeat: 2\ntargets: "
                            << "[{namespace: " << cgroup_->namespace_name()
                            << ", service: api, replica: 1}]\nfaults: " << kCpu << "\n";
    RunningInjector campaign(words);
    ASSERT_TRUE(campaign.says("number=1"));
    neighbour.start();
    ASSERT_TRUE(campaign.says("number=2"));
    EXPECT_TRUE(eventually([&] { return campaign.scrape().value("sonde_fault_active", labels()) == 1; }));
    EXPECT_EQ(campaign.scrape().find("sonde_fault_active").size(), 1U);
    EXPECT_EQ(campaign.wait(), 0) << campaign.log();
    EXPECT_THAT(campaign.log(), HasSubstr("cgroup=" + cgroup_->path()));
  }
}

TEST_F(Campaign, SaysSoWhereAnEffectDoesNotShow) {
  // The proof of a leak needs more of it than there is by the first look.
  RunningInjector campaign(arguments("[{fault: memory, rate: 64KiB, proof-timeout: 1ms}]"));
  EXPECT_EQ(campaign.wait(), 4);
  EXPECT_THAT(campaign.log(), HasSubstr("proven=false"));
  expect_nothing_left(campaign);
}

TEST_F(Campaign, EndsBeforeTheFirstInjectionWhereATargetIsNotThere) {
  auto words = arguments(kCpu);
  std::ofstream(words[1]) << "targets: [{cgroup: /sonde-no-such}]\nfaults: " << kCpu << "\n";
  const auto [output, code] = run_program(words);
  EXPECT_EQ(code, 1);
  EXPECT_THAT(output, HasSubstr("--cgroup=/sonde-no-such: exists in none"));
  EXPECT_THAT(output, testing::Not(HasSubstr("injection begins")));
}

TEST_F(Campaign, ADryRunPrintsTheSchedule) {
  auto words = arguments(kCpu, {"--dry-run"});
  const auto [output, code] = run_program(words);
  EXPECT_EQ(code, 0);
  EXPECT_THAT(output, HasSubstr("campaign.yml: 1 injections, 3s in all (seed 1)"));
  EXPECT_THAT(output, HasSubstr("cpu --cores=0.2 --min-effect=0.1 in cgroup=" + cgroup_->path()));
}

}  // namespace
}  // namespace sonde::inject
