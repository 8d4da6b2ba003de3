#include "identity/container_names.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sonde::identity {
namespace {

using State = NameAnswer::State;

/// A source that answers what the test tells it to and counts how often it was asked.
class ScriptedSource final : public NameSource {
 public:
  [[nodiscard]] std::string_view word() const override { return "scripted"; }
  NameAnswer find(const ContainerCgroup& /*cgroup*/) override {
    ++asked;
    return answer;
  }
  void forget(std::string_view id) override { forgotten = id; }
  [[nodiscard]] bool up() const override { return true; }

  void know(const std::string& container) { answer = {State::kKnown, {.container = container}}; }

  NameAnswer answer;
  int asked = 0;
  std::string forgotten;
};

class ContainerNamesTest : public testing::Test {
 protected:
  ContainerNamesTest() {
    std::vector<std::unique_ptr<NameSource>> sources;
    for (ScriptedSource** source : {&first_, &second_}) {
      auto made = std::make_unique<ScriptedSource>();
      *source = made.get();
      sources.push_back(std::move(made));
    }
    names_.emplace(std::move(sources));
  }
  NameAnswer find() { return names_->find(cgroup_, now_); }

  const ContainerCgroup cgroup_{.id = std::string(64, 'a')};
  ScriptedSource* first_ = nullptr;
  ScriptedSource* second_ = nullptr;
  std::optional<ContainerNames> names_;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(ContainerNamesTest, TheFirstSourceThatKnowsAContainerNamesItForGood) {
  first_->know("by-first");
  second_->know("by-second");
  EXPECT_EQ(find().record.container, "by-first");
  first_->know("other");
  EXPECT_EQ(find().record.container, "by-first");
  EXPECT_EQ(second_->asked, 0);
  names_->forget(cgroup_.id);
  EXPECT_EQ(first_->forgotten, cgroup_.id);
  EXPECT_EQ(find().record.container, "other");
}

TEST_F(ContainerNamesTest, WaitsForABetterSourceButNotForLong) {
  first_->answer.state = State::kPending;
  second_->know("by-second");
  EXPECT_EQ(find().state, State::kPending);
  now_ += ContainerNames::kPatience - std::chrono::milliseconds(1);
  EXPECT_EQ(find().state, State::kPending);
  now_ += std::chrono::milliseconds(1);
  EXPECT_EQ(find().record.container, "by-second");
}

TEST_F(ContainerNamesTest, ABetterSourceThatAnswersInTimeIsBelieved) {
  first_->answer.state = State::kPending;
  second_->know("by-second");
  EXPECT_EQ(find().state, State::kPending);
  first_->know("by-first");
  EXPECT_EQ(find().record.container, "by-first");
}

TEST_F(ContainerNamesTest, TheLastWordOnOneThatEndedIsWhatWasHeardUntilThen) {
  first_->answer.state = State::kPending;
  second_->know("by-second");
  find();
  second_->answer = {};  // its file is gone
  EXPECT_EQ(names_->find_last(cgroup_).record.container, "by-second");
  first_->know("by-first");
  EXPECT_EQ(names_->find_last(cgroup_).record.container, "by-first");
  EXPECT_EQ(names_->find_last({.id = "b"}).record.container, "by-first") << "also if it was never asked for";
}

TEST_F(ContainerNamesTest, WhomNobodyKnowsIsAskedForAgainAtDoublingDistances) {
  EXPECT_EQ(find().state, State::kUnknown);
  EXPECT_EQ(find().state, State::kUnknown) << "at once: its files may be about to be written";
  EXPECT_EQ(first_->asked, 2);
  for (int second = 0; second < 1000; ++second) {
    now_ += std::chrono::seconds(1);
    find();
  }
  EXPECT_LT(first_->asked, 20);
  first_->know("back");
  now_ += std::chrono::seconds(2000);
  EXPECT_EQ(find().record.container, "back");
}

}  // namespace
}  // namespace sonde::identity
