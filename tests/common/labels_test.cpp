#include "common/metrics/labels.h"

#include <gtest/gtest.h>

#include <string>

#include "common/metrics/series_writer.h"
#include "tests/support/exposition.h"

namespace sonde::metrics {
namespace {

constexpr MetricRow kGauge{"g", MetricType::kGauge, "", "a", "Help."};

/// What a reader of the exposition gets back for the value.
std::string through_exposition(std::string_view value) {
  SeriesWriter writer;
  writer.family(kGauge);
  writer.sample({{"a", value}}, 1);
  const auto page = test::parse_exposition(writer.text());
  if (!page) return "unreadable: " + page.error().message;
  return page->samples.at(0).labels.at("a");
}

TEST(Labels, AreWrittenInTheOrderGiven) {
  const Labels labels{{"namespace", "shop"}, {"pod", ""}, {"container", "api-2"}};
  EXPECT_EQ(labels.text(), R"(namespace="shop",pod="",container="api-2")");
}

TEST(Labels, AddAppendsWithAComma) {
  Labels labels;
  EXPECT_EQ(labels.text(), "");
  labels.add("a", "1");
  labels.add("b", "2");
  EXPECT_EQ(labels.text(), R"(a="1",b="2")");
  EXPECT_EQ(labels, (Labels{{"a", "1"}, {"b", "2"}}));
}

TEST(Labels, QuotesBackslashesAndNewlinesAreEscapedAsTheFormatSays) {
  EXPECT_EQ((Labels{{"a", "x\"y\\z\n"}}.text()), R"(a="x\"y\\z\n")");
}

TEST(Labels, HarmlessBytesComeBackUnchanged) {
  for (const std::string value : {"", "plain", "\"", "\\", "\\n", "\n", "a\tb\rc", "}", "{a=\"b\"} 1\nfake 2",
                                  "ü€𝄞", "\xef\xbf\xbd", "# HELP x y", "\x01\x7f"}) {
    EXPECT_EQ(through_exposition(value), value);
  }
}

TEST(Labels, NulBytesComeBackUnchanged) {
  const std::string value("a\0b", 3);
  EXPECT_EQ(through_exposition(value), value);
}

TEST(Labels, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(through_exposition("a\xff"
                               "b"),
            "a" + bad + "b");
  EXPECT_EQ(through_exposition("\xc0\xaf"), bad + bad) << "overlong form of /";
  EXPECT_EQ(through_exposition("\xe0\x80\x80"), bad + bad + bad) << "overlong form of NUL";
  EXPECT_EQ(through_exposition("\xed\xa0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(through_exposition("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "above U+10FFFF";
  EXPECT_EQ(through_exposition("\xf0\x9d\x84"), bad + bad + bad) << "cut off";
  EXPECT_EQ(through_exposition("\xc3\""), bad + "\"") << "cut off by a quote, which must still be escaped";
}

TEST(Labels, TenKilobytesOfHostileBytesStayOneValue) {
  std::string value;
  std::string expected;
  while (value.size() < 10240) {
    value += "\"},\n\\\xff";
    expected += "\"},\n\\\xef\xbf\xbd";
  }
  EXPECT_EQ(through_exposition(value), expected);
}

}  // namespace
}  // namespace sonde::metrics
