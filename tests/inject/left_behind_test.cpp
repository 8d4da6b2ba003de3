#include "inject/left_behind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "inject/fault_state.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::inject {
namespace {

using testing::HasSubstr;

const ProcessIdentity kGone{4'000'000, 1};  // no pid goes so far

class LeftBehind : public testing::Test {
 protected:
  /// A pause of this boot, of processes that are gone.
  static FaultState state() {
    FaultState state;
    state.fault = "pause";
    state.cgroup = "/shop/api-2";
    state.boot_id = boot_id();
    state.expires_unix_ms = 1;
    state.injector = state.watchdog = kGone;
    return state;
  }
  std::filesystem::path note(const FaultState& state) const {
    const auto path = state_path(folder_.path(), state.injector);
    EXPECT_TRUE(write_state(path, state));
    return path;
  }
  /// Why it is refused; "" where it is not.
  [[nodiscard]] std::string refusal(const std::string& cgroup = "") const {
    const auto good = check_nothing_left_behind(folder_.path(), cgroup);
    return good ? "" : good.error().message;
  }
  static ProcessIdentity self() { return identify(getpid()).value(); }

  test::ScratchDirectory folder_;
};

TEST_F(LeftBehind, IsTheFaultOfAnInjectorThatIsGone) {
  note(state());
  EXPECT_THAT(refusal(), HasSubstr("pause in /shop/api-2 was left behind by injector 4000000"));
  EXPECT_THAT(refusal(), HasSubstr("sonde-inject undo --state-dir=" + std::string(folder_.path())));
}

TEST_F(LeftBehind, IsNothingInAnEmptyFolderOrNone) {
  EXPECT_EQ(refusal(), "");
  EXPECT_TRUE(check_nothing_left_behind(folder_.path() + std::string("/none")));
}

TEST_F(LeftBehind, OfACgroupIsOnlyWhatWasDoneToIt) {
  note(state());
  EXPECT_NE(refusal("/shop/api-2"), "");
  EXPECT_EQ(refusal("/shop/api-1"), "");
}

TEST_F(LeftBehind, IsNotTheFaultOfARunningInjectorNorOfAnotherBoot) {
  FaultState running = state();
  running.injector = self();
  note(running);
  FaultState before = state();
  before.boot_id = "00000000-0000-0000-0000-000000000000";
  note(before);
  EXPECT_EQ(refusal(), "");
}

TEST_F(LeftBehind, WaitsForAWatchdogThatIsAtWork) {
  FaultState watched = state();
  watched.watchdog = self();
  const auto path = note(watched);
  std::jthread watchdog([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::filesystem::remove(path);
  });
  EXPECT_EQ(refusal(), "");
}

TEST_F(LeftBehind, RefusesWhatItCannotReadUnlessAnotherCgroupIsAsked) {
  const std::string path = folder_.path() + std::string("/fault-4711-1.state");
  std::ofstream(path) << "sonde-fault-state 9\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  EXPECT_THAT(refusal(), HasSubstr("fault-4711-1.state"));
  EXPECT_EQ(refusal("/shop/api-2"), "");
}

}  // namespace
}  // namespace sonde::inject
