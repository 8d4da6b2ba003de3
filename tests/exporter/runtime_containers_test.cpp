// Containers that runtimes made, in the index.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/exporter/made_up_cgroups.h"

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A source that answers what the test tells it to.
class ScriptedSource final : public identity::NameSource {
 public:
  [[nodiscard]] std::string_view word() const override { return "scripted"; }
  identity::NameAnswer find(const identity::ContainerCgroup& cgroup) override {
    const auto found = answers.find(cgroup.id);
    return found == answers.end() ? identity::NameAnswer() : found->second;
  }
  [[nodiscard]] bool up() const override { return true; }

  std::map<std::string, identity::NameAnswer> answers;
};

/// An index that asks a source; containers of Kubernetes by single letters.
class RuntimeContainers : public testing::Test {
 protected:
  static constexpr SteadyTime kLater = kNow + std::chrono::seconds(3);

  ContainerIndex make(ContainerIndexOptions options = {}) {
    auto source = std::make_unique<ScriptedSource>();
    source_ = source.get();
    std::vector<std::unique_ptr<identity::NameSource>> sources;
    sources.push_back(std::move(source));
    return {two_trees(), std::move(options), std::make_unique<identity::ContainerNames>(std::move(sources))};
  }
  static std::string id(char letter) { return std::string(64, letter); }
  static std::string path(char letter) {
    return "/kubepods/burstable/pod3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d/" + id(letter);
  }
  void name(char letter, const std::string& pod, const std::string& container, bool sandbox = false) {
    identity::ContainerRecord record;
    record.id = id(letter);
    record.name_space = "shop";
    record.pod = pod;
    record.container = container;
    record.sandbox = sandbox;
    source_->answers[id(letter)] = {identity::NameAnswer::State::kKnown, record};
  }
  void leave_pending(char letter) {
    source_->answers[id(letter)] = {identity::NameAnswer::State::kPending, {}};
  }
  static std::vector<std::string> names(const ContainerTable& table) {
    std::vector<std::string> all;
    for (const Container& one : table.containers()) {
      all.push_back(one.name.pod + '/' + one.name.container + (one.shown ? "" : " hidden"));
    }
    return all;
  }

  ScriptedSource* source_ = nullptr;
};

TEST_F(RuntimeContainers, HaveTheNamesThatTheirRuntimeTellsAndNeedNoProcess) {
  ContainerIndex index = make();
  name('a', "api-0", "server");
  index.apply(created(path('a'), 7), kNow);
  index.apply(populated("/lone", 8), kNow);
  const ContainerTable table = index.build(kNow);
  ASSERT_THAT(names(table), ElementsAre("api-0/server", "lone/lone"));
  EXPECT_EQ(table.containers()[0].labels.text(),
            R"(namespace="shop",pod="api-0",container="server",service="api")");
  EXPECT_EQ(table.containers()[0].service_labels.text(), R"(namespace="shop",service="api")");
  EXPECT_EQ(owner(table, 7), path('a'));
}

TEST_F(RuntimeContainers, AreUndecidedWhileTheirRuntimeThinksAndThenNamedByTheirPath) {
  ContainerIndex index = make();
  leave_pending('a');
  index.apply(populated(path('a'), 7), kNow);
  ContainerTable table = index.build(kNow);
  EXPECT_THAT(names(table), IsEmpty());
  EXPECT_EQ(owner(table, 7), "undecided");
  EXPECT_EQ(index.undecided(), 1U);
  EXPECT_TRUE(index.changed(kNow));
  table = index.build(kLater);
  EXPECT_THAT(names(table), ElementsAre("3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d/aaaaaaaaaaaa"));
  EXPECT_EQ(index.undecided(), 0U);
  name('a', "api-0", "server");
  EXPECT_TRUE(index.changed(kLater)) << "whoever is not named yet is asked for again";
  EXPECT_THAT(names(index.build(kLater + std::chrono::seconds(10))), ElementsAre("api-0/server"));
}

TEST_F(RuntimeContainers, LiveOnUnderTheNameThatTheirRuntimeTellsLate) {
  ContainerIndex index = make();
  index.apply(populated(path('a'), 7), kNow);
  const uint64_t life = index.build(kNow).containers()[0].life;
  name('a', "api-0", "server");
  const ContainerTable table = index.build(kLater);
  ASSERT_THAT(names(table), ElementsAre("api-0/server"));
  EXPECT_EQ(table.containers()[0].life, life);
  EXPECT_EQ(table.containers()[0].name_number, 2U);
  EXPECT_TRUE(table.ended().empty()) << "nothing has ended";
}

TEST_F(RuntimeContainers, LiveOnWhileASourceThatWasDownThinks) {
  ContainerIndex index = make();
  index.apply(populated(path('a'), 7), kNow);
  const uint64_t life = index.build(kNow).containers()[0].life;
  leave_pending('a');
  const ContainerTable table = index.build(kNow + std::chrono::seconds(1));
  ASSERT_EQ(table.containers().size(), 1U);
  EXPECT_EQ(table.containers()[0].life, life);
  EXPECT_EQ(owner(table, 7), path('a'));
}

TEST_F(RuntimeContainers, SandboxesAreNoContainers) {
  ContainerIndex index = make();
  name('a', "api-0", "", true);
  index.apply(populated(path('a'), 7), kNow);
  const ContainerTable table = index.build(kNow);
  EXPECT_THAT(names(table), IsEmpty());
  EXPECT_EQ(owner(table, 7), "");
}

TEST_F(RuntimeContainers, ThatCameAndWentBetweenTwoBuildsAreAmongTheEnded) {
  ContainerIndex index = make();
  name('a', "job-0", "work");
  index.apply(created(path('a'), 7), kNow);
  index.apply(removed(path('a'), 7), kNow);
  index.apply(populated("/plain-1", 8), kNow);
  index.apply(removed("/plain-1", 8), kNow);
  ContainerTable table = index.build(kNow);
  EXPECT_THAT(names(table), IsEmpty());
  ASSERT_EQ(table.ended().size(), 2U);
  EXPECT_EQ(table.ended()[0].labels.text(), R"(namespace="shop",pod="job-0",container="work",service="job")");
  EXPECT_EQ(table.ended()[1].name.service, "plain");
  EXPECT_EQ(owner(table, 7), "ended " + path('a'));
  EXPECT_FALSE(index.changed(kNow + std::chrono::seconds(59)));
  EXPECT_TRUE(index.changed(kNow + std::chrono::seconds(61)));
  EXPECT_TRUE(index.build(kNow + std::chrono::seconds(61)).ended().empty());
}

TEST_F(RuntimeContainers, ASuccessorWithTheSameNamesIsTheOneShown) {
  ContainerIndex index = make();
  name('b', "api-0", "server");
  index.apply(created(path('b'), 7), kNow);
  index.build(kNow);
  name('a', "api-0", "server");
  index.apply(created(path('a'), 8), kNow);
  EXPECT_THAT(names(index.build(kNow)), ElementsAre("api-0/server", "api-0/server hidden"));
  index.apply(removed(path('a'), 8), kNow);
  EXPECT_THAT(names(index.build(kNow)), ElementsAre("api-0/server"));
}

TEST_F(RuntimeContainers, OneWithinAnotherIsPartOfItUnlessItIsKnown) {
  ContainerIndex index = make();
  name('a', "kind", "node");
  index.apply(created(path('a'), 7), kNow);
  index.apply(created(path('a') + path('b'), 8), kNow);
  ContainerTable table = index.build(kNow);
  EXPECT_THAT(names(table), ElementsAre("kind/node"));
  EXPECT_EQ(owner(table, 8), path('a'));
  name('b', "api-0", "server");
  table = index.build(kLater);
  EXPECT_THAT(names(table), ElementsAre("kind/node", "api-0/server"));
  EXPECT_EQ(owner(table, 8), path('a') + path('b'));
}

/// Whoever has a cgroup of his own knows the ids of others' containers.
TEST_F(RuntimeContainers, NobodyTakesAnIdOverThatAContainerHas) {
  ContainerIndex index = make();
  const std::string fake =
      "/a/kubepods/pod3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d" + path('a').substr(path('a').rfind('/'));
  name('a', "api-0", "server");
  index.apply(created(path('a'), 7), kNow);
  index.build(kNow);
  index.apply(populated(fake, 8), kNow);
  ContainerTable table = index.build(kLater);
  EXPECT_THAT(names(table), ElementsAre("3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d/aaaaaaaaaaaa", "api-0/server"));
  EXPECT_TRUE(table.containers()[1].shown);
  EXPECT_FALSE(index.changed(kLater)) << "nobody is asked for the other one's name";

  index.apply(removed(path('a'), 7), kLater);
  table = index.build(kLater);
  EXPECT_THAT(names(table), ElementsAre("3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d/aaaaaaaaaaaa"))
      << "nor is it inherited";
  index.apply(removed(fake, 8), kLater);
  index.apply(created(path('a'), 9), kLater);
  EXPECT_THAT(names(index.build(kLater)), ElementsAre("api-0/server"))
      << "with its last cgroup the id is free";
}

TEST_F(RuntimeContainers, AnIdIsNotTheUsersWhoHadItFirst) {
  ContainerIndex index = make();
  const std::string fake = "/a.slice/user@1000.service/" + id('a');  // before the real one's path
  const std::string within = "/docker/" + id('b') + "/docker/" + id('a');
  name('a', "api-0", "server");
  index.apply(populated(fake, 8), kNow);
  index.apply(populated(within, 9), kNow);
  EXPECT_THAT(names(index.build(kNow)), ElementsAre("api-0/server", "/aaaaaaaaaaaa"));
  index.apply(created(path('a'), 7), kNow);
  const ContainerTable table = index.build(kNow);
  EXPECT_EQ(paths_of(table), (std::vector{fake, within, path('a')}));
  EXPECT_THAT(names(table), ElementsAre("/aaaaaaaaaaaa~8", "/aaaaaaaaaaaa", "api-0/server"));
  EXPECT_EQ(table.containers()[0].record, nullptr) << "it has lost the name";
}

}  // namespace
}  // namespace sonde::exporter
