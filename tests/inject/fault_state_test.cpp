#include "inject/fault_state.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "inject/undo.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

FaultState example() {
  FaultState state;
  state.fault = "cpu";
  state.cgroup = "/shop/api 2";
  state.boot_id = "6d0c5e5a-7b1e-4f3c-9d6f-0a1b2c3d4e5f";
  state.expires_unix_ms = 1'790'000'000'123;
  state.injector = {4711, 123456};
  state.watchdog = {4712, 123457};
  state.processes = {{4713, 123458}, {4714, 123459}};
  state.details = {{"limit", "/sys/fs/cgroup/shop/api 2 max"}, {"queue", "7"}};
  return state;
}

class FaultStateFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "sonde-state-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::vector<fs::path> list_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_)) files.push_back(entry.path());
    return files;
  }

  fs::path folder_;
};

TEST(FaultState, ReadsBackAsWritten) {
  const auto state = parse_state(format_state(example()));
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(*state, example());
}

TEST(FaultState, RefusesMalformedTextByItsLine) {
  const std::string good = format_state(example());
  EXPECT_FALSE(parse_state(""));
  EXPECT_FALSE(parse_state("sonde-fault-state 2\n" + good.substr(good.find('\n') + 1)));
  for (const char* line : {"process x 1", "process 5", "process 0 1", "process -1 1", "process 1 1",
                           "process 5 1 more", "stray 5", "cgroup", "cgroup ", "detail", "detail ",
                           "detail key", "detail key ", "detail  value", "detail queue 8"}) {
    const auto state = parse_state(good + line + "\n");
    ASSERT_FALSE(state) << line;
    EXPECT_NE(state.error().message.find("line 12"), std::string::npos) << state.error().message;
  }
}

TEST(FaultState, RefusesACutOffText) {
  const std::string good = format_state(example());
  EXPECT_FALSE(parse_state(good.substr(0, good.find("injector"))));
}

TEST(FaultState, RefusesATextThatLacksALine) {
  const std::string good = format_state(example());
  for (const char* key : {"fault", "cgroup", "boot_id", "expires_unix_ms", "injector", "watchdog"}) {
    std::string text = good;
    const size_t begin = text.find(std::string("\n") + key) + 1;
    text.erase(begin, text.find('\n', begin) + 1 - begin);
    EXPECT_FALSE(parse_state(text)) << key;
  }
}

TEST_F(FaultStateFile, IsWrittenReadAndListed) {
  const fs::path path = state_path(folder_ / "deep" / "er", {4711, 123456});
  ASSERT_TRUE(write_state(path, example()));
  EXPECT_EQ(read_state(path).value(), example());
  EXPECT_EQ(list_states(folder_ / "deep" / "er"), std::vector{path});
  EXPECT_TRUE(list_states(folder_ / "no such folder").empty());
}

TEST_F(FaultStateFile, OfAnInjectorIsNotThatOfALaterProcessOfItsPid) {
  EXPECT_NE(state_path(folder_, {4711, 1}), state_path(folder_, {4711, 2}));
}

TEST_F(FaultStateFile, NeverTakesThePlaceOfAnother) {
  const fs::path path = state_path(folder_, {4711, 123456});
  ASSERT_TRUE(write_state(path, example()));
  FaultState other = example();
  other.fault = "pause";
  const auto written = write_state(path, other);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("run sonde-inject undo"), std::string::npos);
  EXPECT_EQ(read_state(path).value(), example());
  EXPECT_EQ(list_files(), std::vector{path});
}

TEST_F(FaultStateFile, LeavesNoDraftOfADeadWriter) {
  const ProcessIdentity self = identify(getpid()).value();
  const fs::path running = state_path(folder_, self).string() + ".new";
  const fs::path reused = state_path(folder_, {self.pid, self.start_ticks - 1}).string() + ".new";
  for (const fs::path& file : {running, reused, folder_ / "other.new"}) std::ofstream(file) << "x";
  remove_abandoned_drafts(folder_);
  EXPECT_TRUE(fs::exists(running));
  EXPECT_TRUE(fs::exists(folder_ / "other.new"));
  EXPECT_FALSE(fs::exists(reused));
}

TEST_F(FaultStateFile, IsUndoneForItsOwnInjectorOnly) {
  const FaultState state = example();  // of another boot: nothing but the file is left of it
  const fs::path path = state_path(folder_, state.injector);
  ASSERT_TRUE(write_state(path, state));
  EXPECT_TRUE(undo_from_file(path, ProcessIdentity{state.injector.pid, state.injector.start_ticks + 1}));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_TRUE(undo_from_file(path, state.injector));
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(FaultStateFile, IsPrivate) {
  const fs::path path = state_path(folder_, {1, 5});
  ASSERT_TRUE(write_state(path, example()));
  EXPECT_EQ(fs::status(path).permissions() & fs::perms::mask, fs::perms(0600));
}

TEST_F(FaultStateFile, IsNotBelievedWhereOthersCouldHaveWrittenIt) {
  const fs::path path = state_path(folder_, {1, 5});
  ASSERT_TRUE(write_state(path, example()));
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  const auto state = read_state(path);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kPermission);
}

TEST_F(FaultStateFile, IsNotFollowedWhereItIsALink) {
  ASSERT_TRUE(write_state(folder_ / "real", example()));
  fs::create_symlink(folder_ / "real", state_path(folder_, {1, 5}));
  EXPECT_FALSE(read_state(state_path(folder_, {1, 5})));
}

TEST_F(FaultStateFile, CannotBeWrittenBelowAFile) {
  std::ofstream(folder_ / "file") << "x";
  const auto written = write_state(state_path(folder_ / "file", {1, 5}), example());
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("--state-dir"), std::string::npos);
}

}  // namespace
}  // namespace sonde::inject
