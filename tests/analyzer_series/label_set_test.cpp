#include "analyzer/series/label_set.h"

#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

TEST(LabelSet, SortsByName) {
  const LabelSet labels({{"zone", "z"}, {"__name__", "up"}, {"job", "a"}});
  EXPECT_EQ(labels.text(), R"(up{job="a",zone="z"})");
  EXPECT_EQ(labels, LabelSet({{"job", "a"}, {"zone", "z"}, {"__name__", "up"}}));
}

TEST(LabelSet, OfARepeatedNameTheLastCounts) {
  const LabelSet labels({{"b", "1"}, {"a", "first"}, {"b", "2"}, {"a", "last"}});
  EXPECT_EQ(labels.text(), R"({a="last",b="2"})");
}

TEST(LabelSet, AnEmptyValueIsAnAbsentLabel) {
  EXPECT_EQ(LabelSet({{"a", ""}, {"b", "x"}}), LabelSet({LabelSet::Pair{"b", "x"}}));
  EXPECT_EQ(LabelSet({{"b", "x"}, {"b", ""}}), LabelSet());
  EXPECT_TRUE(LabelSet({LabelSet::Pair{"a", ""}}).empty());
}

TEST(LabelSet, GetGivesTheValueOrNothing) {
  const LabelSet labels({LabelSet::Pair{"job", "a"}});
  EXPECT_EQ(labels.get("job"), "a");
  EXPECT_EQ(labels.get("jo"), "");
}

TEST(LabelSet, TextEscapesAsTheExpositionFormatDoes) {
  EXPECT_EQ(LabelSet({LabelSet::Pair{"path", "C:\\dir\n\"x\""}}).text(), R"({path="C:\\dir\n\"x\""})");
}

TEST(LabelSet, TextWithoutLabelsIsTheNameAlone) {
  EXPECT_EQ(LabelSet({LabelSet::Pair{"__name__", "up"}}).text(), "up");
  EXPECT_EQ(LabelSet().text(), "{}");
}

TEST(LabelSet, ProjectKeepsOnlyTheNamesGiven) {
  const LabelSet labels({{"__name__", "up"}, {"job", "a"}, {"zone", "z"}});
  const std::vector<std::string> names = {"zone", "absent"};
  EXPECT_EQ(labels.project(names).text(), R"({zone="z"})");
}

}  // namespace
}  // namespace sonde::analyzer
