#include "analyzer/source/selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

using ::testing::HasSubstr;

std::string canonical(std::string_view text) {
  const auto selector = parse_selector(text);
  return selector ? selector_text(*selector) : "error: " + selector.error().message;
}

TEST(Selector, AMetricNameAlone) {
  EXPECT_EQ(canonical("up"), R"({__name__="up"})");
  EXPECT_EQ(canonical(" job:up:rate5m {} "), R"({__name__="job:up:rate5m"})");
}

TEST(Selector, AllKindsOfMatchers) {
  EXPECT_EQ(canonical(R"(m{a="1", b!='2' ,c=~`x|y`,d!~"z.*",})"),
            R"({__name__="m",a="1",b!="2",c=~"x|y",d!~"z.*"})");
  EXPECT_EQ(canonical(R"({__name__=~"a.*"})"), R"({__name__=~"a.*"})");
}

TEST(Selector, EscapesAreThoseOfGo) {
  const auto selector = parse_selector(R"({a="\\ \" \n \t \x41 \101 \u00e9 \U0001F600"})");
  ASSERT_TRUE(selector.has_value());
  EXPECT_EQ((*selector)[0].value, "\\ \" \n \t A A \xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ((*parse_selector(R"({a=`\n`})"))[0].value, "\\n");
  EXPECT_EQ((*parse_selector(R"({a='it\'s'})"))[0].value, "it's");
}

TEST(Selector, WhatIsWrongAndWhereIsSaid) {
  EXPECT_THAT(canonical(""), HasSubstr("expected a metric name or '{' at character 1"));
  EXPECT_THAT(canonical("up{a=b}"), HasSubstr("expected a quoted value at character 6"));
  EXPECT_THAT(canonical("up{a}"), HasSubstr("expected =, !=, =~ or !~ at character 5"));
  EXPECT_THAT(canonical("up{=\"x\"}"), HasSubstr("expected a label name at character 4"));
  EXPECT_THAT(canonical("up{a=\"b"), HasSubstr("expected the closing quote"));
  EXPECT_THAT(canonical("up{a=\"b\" c=\"d\"}"), HasSubstr("expected ',' or '}'"));
  EXPECT_THAT(canonical("up[5m]"), HasSubstr("expected the end of the selector at character 3"));
  EXPECT_THAT(canonical("up offset 5m"), HasSubstr("expected the end of the selector"));
  for (const char* text :
       {R"({a="\q"})", R"({a="\400"})", R"({a="\ud800"})", R"({a="\x4"})", "{a=\"\n\"}", "{,}"}) {
    EXPECT_THAT(canonical(text), HasSubstr("error")) << text;
  }
}

TEST(Selector, OneThatMatchesEverythingIsRefused) {
  for (const char* text : {"{}", R"({a=""})", R"({a=~".*"})", R"({a!="x"})", R"({a!~"x"})"}) {
    EXPECT_THAT(canonical(text), HasSubstr("matches every series")) << text;
  }
  EXPECT_EQ(canonical(R"({a!=""})"), R"({a!=""})");
}

}  // namespace
}  // namespace sonde::analyzer
