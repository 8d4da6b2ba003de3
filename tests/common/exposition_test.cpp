#include "tests/support/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sonde::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string fault_of(std::string_view text) {
  const auto page = parse_exposition(text);
  return page ? "" : page.error().message;
}

TEST(Exposition, ReadsSamplesTypesAndHelp) {
  const auto page = parse_exposition(
      "# HELP a_total What.\n# TYPE a_total counter\na_total{x=\"1\",y=\"q\\\"\\\\\\n\"} +Inf\n\n"
      "# TYPE b gauge\n# a comment\nb -1e-3\nb{x=\"\"} NaN\n");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->samples.size(), 3U);
  EXPECT_EQ(page->samples[0].labels.at("y"), "q\"\\\n");
  EXPECT_EQ(page->samples[0].value, HUGE_VAL);
  EXPECT_EQ(page->samples[1].value, -1e-3);
  EXPECT_TRUE(std::isnan(page->samples[2].value));
  EXPECT_EQ(page->types.at("b"), "gauge");
  EXPECT_EQ(page->help.at("a_total"), "What.");
  EXPECT_EQ(page->value("a_total", {{"x", "1"}}), HUGE_VAL);
  EXPECT_TRUE(std::isnan(page->value("b", {{"x", "2"}})));
  EXPECT_EQ(page->find("b").size(), 2U);
}

TEST(Exposition, FindsSeriesThatOccurTwiceWhateverTheOrderOfTheirLabels) {
  EXPECT_THAT(duplicate_series("# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\na{x=\"1\"} 1\n"),
              ElementsAre("a{x=\"1\",y=\"2\"}"));
  EXPECT_THAT(duplicate_series("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"1\\\"\"} 1\na 1\n"), IsEmpty());
}

TEST(Exposition, AnUnreadablePageIsNeverFreeOfDuplicates) {
  EXPECT_THAT(duplicate_series("# TYPE a gauge\na{ 1\n"), ::testing::SizeIs(1));
}

TEST(Exposition, RefusesWhatTheFormatForbids) {
  const std::string type = "# TYPE a gauge\n";
  EXPECT_THAT(fault_of(type + "a 1"), HasSubstr("no line end"));
  EXPECT_THAT(fault_of(type + "a one\n"), HasSubstr("not a number"));
  EXPECT_THAT(fault_of(type + "a nan\n"), HasSubstr("not a number"));
  EXPECT_THAT(fault_of(type + "a 1 2 3\n"), HasSubstr("not a number"));
  EXPECT_THAT(fault_of(type + "a{x=1} 1\n"), HasSubstr("malformed"));
  EXPECT_THAT(fault_of(type + "a{x=\"1\",x=\"2\"} 1\n"), HasSubstr("malformed"));
  EXPECT_THAT(fault_of(type + "a{x=\"\\q\"} 1\n"), HasSubstr("malformed"));
  EXPECT_THAT(fault_of(type + "a{x=\"\xff\"} 1\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(fault_of(type + "b 1\n"), HasSubstr("outside its family"));
  EXPECT_THAT(fault_of(type + "a_sum 1\n"), HasSubstr("outside its family"));
  EXPECT_THAT(fault_of(type + type), HasSubstr("begins twice"));
  EXPECT_THAT(fault_of("# TYPE a number\n"), HasSubstr("none of the format's"));
  EXPECT_THAT(fault_of(type + "a 1\na 2\n 1\n"), HasSubstr("line 4"));
}

TEST(Exposition, HistogramPartsBelongToTheirFamily) {
  EXPECT_EQ(fault_of("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"), "");
  EXPECT_EQ(fault_of("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n"), "");
}

}  // namespace
}  // namespace sonde::test
