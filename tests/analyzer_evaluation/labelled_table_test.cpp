#include "analyzer/evaluation/labelled_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>

#include "analyzer/evaluation/text_file.h"

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LabelledTableTest, TimeIsNoFeatureAndAnEmptyCellIsMissing) {
  const auto table =
      parse_labelled_table("time,cpu,mem,label\n10,1.5,,ok\n20,-2e3,7,\"a,\"\"b\"\n", "t.csv", "");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(table->columns, ElementsAre("cpu", "mem"));
  EXPECT_THAT(table->labels, ElementsAre("ok", "a,\"b"));
  EXPECT_EQ(table->cells[0], 1.5);
  EXPECT_TRUE(std::isnan(table->cells[1]));
  EXPECT_EQ(table->cells[2], -2000);
  EXPECT_EQ(table->missing, 1U);
}

TEST(LabelledTableTest, TimeIsNoFeatureHoweverTheFileIsSaved) {
  for (const char* const csv :
       {"\xEF\xBB\xBFtime,cpu,label\n10,1.5,ok\n", "\xEF\xBB\xBF\"time\",cpu,label\n10,1.5,ok\n",
        "Time,cpu,label\n2026-11-29,1.5,ok\n", "TIME,cpu,label\n,1.5,ok\n"}) {
    const auto table = parse_labelled_table(csv, "t.csv", "");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_THAT(table->columns, ElementsAre("cpu")) << csv;
    EXPECT_THAT(table->cells, ElementsAre(1.5));
    EXPECT_EQ(table->missing, 0U);
  }
  const auto marked = parse_labelled_table(
      "\xEF\xBB\xBF"
      "cpu,label\n1.5,ok\n",
      "t.csv", "");
  ASSERT_TRUE(marked) << marked.error().message;
  EXPECT_THAT(marked->columns, ElementsAre("cpu"));
  const auto grouped = parse_labelled_table("cpu,time,label\n1.5,9,ok\n", "t.csv", "time");
  ASSERT_TRUE(grouped) << grouped.error().message;
  EXPECT_THAT(grouped->groups, ElementsAre("9"));
  // What only begins so is a feature.
  EXPECT_THAT(parse_labelled_table("time_wait,cpu,label\n7,1.5,ok\n", "t.csv", "")->columns,
              ElementsAre("time_wait", "cpu"));
}

TEST(LabelledTableTest, AGroupColumnIsNoFeature) {
  const auto table = parse_labelled_table("run,cpu,label\r\n1,5,ok\r\n2,6,bad\r\n", "t.csv", "run");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(table->columns, ElementsAre("cpu"));
  EXPECT_THAT(table->groups, ElementsAre("1", "2"));
}

TEST(LabelledTableTest, WhatIsWrongIsNamedWithItsPlace) {
  const struct {
    const char* csv;
    const char* said;
  } cases[] = {
      {"", "t.csv: is empty"},
      {"cpu,label\n", "t.csv: has no rows"},
      {"cpu,mem\n1,2\n", "t.csv: the last column must be named label, separated by a comma; it is mem"},
      {"time,label\n1,ok\n", "t.csv: there is no column of features"},
      {"\xEF\xBB\xBF", "t.csv: is empty"},
      {"cpu,time,label\n1,2,ok\n",
       "t.csv: column 2 is named time, and a time tells when and not what; make it the first column"},
      {"time,Time,cpu,label\n1,2,3,ok\n", "t.csv: column 2 is named Time"},
      {"cpu,cpu,label\n1,2,ok\n", "t.csv: two columns are named cpu; rename one"},
      {"cpu,label\n1,ok\n2\n", "t.csv: row 2 below the header has 1 fields, the header 2"},
      {"cpu,label\n1,ok,3\n", "t.csv: row 1 below the header has 3 fields, the header 2"},
      {"cpu,label\nmuch,ok\n",
       "t.csv: row 1 below the header has 'much' as cpu, which is no number up to 1e100"},
      {"cpu,label\ninf,ok\n", "'inf' as cpu"},
      {"cpu,label\n1x,ok\n", "'1x' as cpu"},
      {"cpu,label\n-1.1e100,ok\n", "'-1.1e100' as cpu"},
      {"cpu,label\n1,\n", "t.csv: row 1 below the header has no label"},
      {"cpu,label\n1,\"ok\n", "t.csv: is no CSV"},
      {"cpu,label\n1,o\"k\n", "t.csv: is no CSV"},
  };
  for (const auto& each : cases) {
    const auto table = parse_labelled_table(each.csv, "t.csv", "");
    ASSERT_FALSE(table) << each.csv;
    EXPECT_THAT(table.error().message, HasSubstr(each.said));
  }
  const auto grouped = parse_labelled_table("cpu,label\n1,ok\n", "t.csv", "run");
  ASSERT_FALSE(grouped);
  EXPECT_THAT(grouped.error().message, HasSubstr("there is no column run for --group; there are cpu"));
}

TEST(LabelledTableTest, ALabelForEachRowIsRefused) {
  std::string csv = "cpu,label\n";
  for (int i = 0; i < 1000; ++i) csv += "1,row " + std::to_string(i) + "\n";
  EXPECT_TRUE(parse_labelled_table(csv, "t.csv", ""));
  csv += "1,row 1000\n";
  EXPECT_THAT(parse_labelled_table(csv, "t.csv", "").error().message,
              HasSubstr("row 1001 below the header has the 1001th different label, at most 1000"));
}

TEST(LabelledTableTest, ColumnsAreChosenByWholeNamesAndArrangedByName) {
  auto table = *parse_labelled_table("a_cpu,b_cpu,b_mem,label\n1,2,,ok\n", "t.csv", "");
  ASSERT_TRUE(keep_columns(table, "b_.*"));
  EXPECT_THAT(table.columns, ElementsAre("b_cpu", "b_mem"));
  ASSERT_TRUE(arrange_columns(table, {"b_mem", "b_cpu"}, "t.csv"));
  EXPECT_TRUE(std::isnan(table.cells[0]));
  EXPECT_EQ(table.cells[1], 2);
  EXPECT_EQ(table.missing, 1U);
  EXPECT_THAT(keep_columns(table, "cpu").error().message,
              HasSubstr("no column matches; there are b_mem, b_cpu"));
  EXPECT_THAT(keep_columns(table, "(").error().message, HasSubstr("--columns=(: is no regular expression"));
  EXPECT_THAT(arrange_columns(table, {"x", "b_cpu", "y"}, "t.csv").error().message,
              HasSubstr("lacks the columns x, y"));
}

class TextFileTest : public ::testing::Test {
 protected:
  TextFileTest() : path_(::testing::TempDir() + "sonde-text-file-" + std::to_string(getpid())) {}
  ~TextFileTest() override { std::remove(path_.c_str()); }
  std::string path_;
};

TEST_F(TextFileTest, GzippedAndPlainReadTheSame) {
  std::ofstream(path_) << "plain";
  EXPECT_EQ(*read_text_file(path_, 100), "plain");
  const gzFile file = gzopen(path_.c_str(), "wb");
  gzputs(file, "packed");
  gzclose(file);
  EXPECT_EQ(*read_text_file(path_, 100), "packed");
}

TEST_F(TextFileTest, WhatCannotBeReadIsNamed) {
  EXPECT_THAT(read_text_file(path_, 100).error().message, HasSubstr(path_ + ": No such file"));
  EXPECT_THAT(read_text_file("/tmp", 100).error().message, HasSubstr("is a folder"));
  std::ofstream(path_) << std::string(101, 'x');
  EXPECT_EQ(read_text_file(path_, 100).error().code, ErrorCode::kLimit);
  const gzFile file = gzopen(path_.c_str(), "wb");
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919 % 10'007);
  gzputs(file, text.c_str());
  gzclose(file);
  ASSERT_EQ(truncate(path_.c_str(), 5000), 0);
  EXPECT_THAT(read_text_file(path_, size_t{1} << 30).error().message, HasSubstr("cannot be unpacked"));
}

TEST(LabelledTableTest, InjectionIsNeverAFeature) {
  const std::string csv = "time,a,injection,run,label\n1,2,7,x,normal\n2,3,8,y,fault\n";
  const auto with_run = parse_labelled_table(csv, "t.csv", "run");
  ASSERT_TRUE(with_run) << with_run.error().message;
  EXPECT_EQ(with_run->columns, std::vector<std::string>{"a"});
  EXPECT_EQ(with_run->groups, (std::vector<std::string>{"x", "y"}));
  const auto alone = parse_labelled_table("a,injection,label\n2,7,normal\n3,8,fault\n", "t.csv", "");
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(alone->columns, std::vector<std::string>{"a"});
  EXPECT_EQ(alone->cells, (std::vector<double>{2, 3}));
  EXPECT_EQ(alone->groups, (std::vector<std::string>{"7", "8"}));
}

}  // namespace
}  // namespace sonde::analyzer
