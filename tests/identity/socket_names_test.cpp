#include "identity/socket_names.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>

#include "common/clock.h"
#include "tests/identity/waiting.h"

namespace sonde::identity {
namespace {

using test::wait;
using State = NameAnswer::State;

/// A runtime that the test holds in its hands.
class ScriptedSocket final : public RuntimeSocket {
 public:
  struct Script {
    std::mutex mutex;
    std::vector<ContainerRecord> containers;
    bool down = false;
    bool hangs = false;
    int lists = 0;
    int completions = 0;
  };
  explicit ScriptedSocket(Script& script) : script_(script) {}

  Result<std::vector<ContainerRecord>> list(std::chrono::milliseconds /*timeout*/) override {
    while (hangs()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const std::lock_guard lock(script_.mutex);
    ++script_.lists;
    if (script_.down) return fail(ErrorCode::kUnavailable, "down");
    return script_.containers;
  }
  Result<void> complete(ContainerRecord& record, std::chrono::milliseconds /*timeout*/) override {
    const std::lock_guard lock(script_.mutex);
    ++script_.completions;
    record.image_digest = "sha256:1";
    return {};
  }

 private:
  bool hangs() {
    const std::lock_guard lock(script_.mutex);
    return script_.hangs;
  }

  Script& script_;
};

class SocketNamesTest : public testing::Test {
 protected:
  static constexpr SocketNames::Timing kTiming{.timeout = std::chrono::milliseconds(100),
                                               .refresh = std::chrono::milliseconds(50),
                                               .first_retry = std::chrono::milliseconds(1),
                                               .shortest_pause = std::chrono::milliseconds(1)};
  static ContainerCgroup cgroup(char letter) { return {.id = std::string(64, letter)}; }
  static ContainerRecord record(char letter) {
    return {.id = std::string(64, letter), .container = std::string(1, letter)};
  }
  void set(const std::function<void(ScriptedSocket::Script&)>& change) {
    const std::lock_guard lock(script_.mutex);
    change(script_);
  }
  int lists() {
    const std::lock_guard lock(script_.mutex);
    return script_.lists;
  }
  SocketNames make() { return {"cri", std::make_unique<ScriptedSocket>(script_), kTiming}; }
  /// Asks until the answer is not kPending.
  static NameAnswer decided(SocketNames& names, const ContainerCgroup& cgroup) {
    const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
    for (;;) {
      NameAnswer answer = names.find(cgroup);
      if (answer.state != State::kPending || SteadyClock::now() > deadline) return answer;
    }
  }

  ScriptedSocket::Script script_;
};

TEST_F(SocketNamesTest, TellsWhatTheRuntimeListsWithItsDetails) {
  script_.containers = {record('a')};
  SocketNames names = make();
  const NameAnswer answer = decided(names, cgroup('a'));
  EXPECT_EQ(answer.record.container, "a");
  EXPECT_EQ(answer.record.image_digest, "sha256:1");
  EXPECT_TRUE(names.up());
  EXPECT_EQ(decided(names, cgroup('b')).state, State::kUnknown);
}

TEST_F(SocketNamesTest, AsksAnewForAContainerThatItDoesNotKnowYet) {
  SocketNames names = make();
  EXPECT_EQ(decided(names, cgroup('a')).state, State::kUnknown);
  set([](auto& script) { script.containers = {record('a')}; });
  EXPECT_EQ(decided(names, cgroup('a')).state, State::kKnown);
}

TEST_F(SocketNamesTest, DetailsAreAskedForOnceAndOnlyOfWhomSomebodyWants) {
  script_.containers = {record('a'), record('b')};
  SocketNames names = make();
  EXPECT_EQ(decided(names, cgroup('a')).state, State::kKnown);
  const int before = lists();
  wait([&] { return lists() > before + 3; });
  EXPECT_EQ(script_.completions, 1);
}

TEST_F(SocketNamesTest, ARuntimeThatIsDownIsNotWaitedForAndItsNamesStay) {
  script_.containers = {record('a')};
  SocketNames names = make();
  EXPECT_EQ(decided(names, cgroup('a')).state, State::kKnown);
  set([](auto& script) { script.down = true; });
  wait([&] { return !names.up(); });
  EXPECT_EQ(names.find(cgroup('a')).record.container, "a");
  EXPECT_EQ(names.find(cgroup('b')).state, State::kUnknown);
  set([](auto& script) {
    script.down = false;
    script.containers = {record('b')};
  });
  wait([&] { return names.up(); });
  EXPECT_EQ(decided(names, cgroup('b')).record.container, "b");
  EXPECT_EQ(names.find(cgroup('a')).record.container, "a") << "it may live on although it is not listed";
  names.forget(cgroup('a').id);
  EXPECT_EQ(decided(names, cgroup('a')).state, State::kUnknown);
}

TEST_F(SocketNamesTest, ARuntimeThatHangsKeepsNobodyWaiting) {
  script_.hangs = true;
  {
    SocketNames names = make();
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(names.find(cgroup('a')).state, State::kPending);
    set([](auto& script) { script.hangs = false; });
  }
  SUCCEED() << "and it ends";
}

TEST_F(SocketNamesTest, AContainerThatTheRuntimeDoesNotKnowDoesNotKeepItBusy) {
  SocketNames names = make();
  EXPECT_EQ(decided(names, cgroup('a')).state, State::kUnknown);
  names.find(cgroup('a'));
  const int before = lists();
  const SteadyTime end = SteadyClock::now() + std::chrono::milliseconds(500);
  while (SteadyClock::now() < end) std::this_thread::yield();
  EXPECT_LE(lists() - before, 12) << "one question, and the regular ones every 50 ms";
}

}  // namespace
}  // namespace sonde::identity
