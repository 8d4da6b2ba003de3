#include "identity/cgroup_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "tests/identity/scratch_directory.h"

namespace sonde::identity {
namespace {

std::map<std::string, uint64_t> keys_of(std::string_view text, size_t* malformed = nullptr) {
  std::map<std::string, uint64_t> values;
  const size_t bad =
      for_each_key(text, [&](std::string_view key, uint64_t value) { values[std::string(key)] = value; });
  if (malformed != nullptr) *malformed = bad;
  return values;
}

TEST(KeyedFile, IsReadLineByLine) {
  size_t malformed = 9;
  EXPECT_EQ(keys_of("usage_usec 12\nuser_usec 18446744073709551615\nlast 3", &malformed),
            (std::map<std::string, uint64_t>{{"usage_usec", 12}, {"user_usec", UINT64_MAX}, {"last", 3}}));
  EXPECT_EQ(malformed, 0U);
}

TEST(KeyedFile, CountsLinesOfAnotherForm) {
  size_t malformed = 0;
  EXPECT_EQ(
      keys_of("good 1\nno value \n -1\nsome 1 2\nbig 18446744073709551616\nneg -1\n\nword\n", &malformed),
      (std::map<std::string, uint64_t>{{"good", 1}}));
  EXPECT_EQ(malformed, 7U);
  EXPECT_TRUE(keys_of("", &malformed).empty());
  EXPECT_EQ(malformed, 0U);
}

TEST(ParseInteger, TakesOneNumberAndNothingElse) {
  EXPECT_EQ(parse_integer<uint64_t>("42\n"), 42U);
  EXPECT_EQ(parse_integer<int64_t>("-1\n"), -1);
  EXPECT_EQ(parse_integer<uint64_t>("-1"), std::nullopt);
  EXPECT_EQ(parse_integer<uint64_t>(""), std::nullopt);
  EXPECT_EQ(parse_integer<uint64_t>("\n"), std::nullopt);
  EXPECT_EQ(parse_integer<uint64_t>("1 2"), std::nullopt);
  EXPECT_EQ(parse_integer<uint64_t>("99999999999999999999"), std::nullopt);
}

class KeptFileTest : public testing::Test {
 protected:
  test::ScratchDirectory scratch_;
  FileBudget budget_{1};
  std::string buffer_;
};

TEST_F(KeptFileTest, GivesTheContentOfNowAtEachRead) {
  KeptFile file(scratch_.write("a", "one\n"), budget_);
  EXPECT_EQ(*file.read(buffer_), "one\n");
  scratch_.write("a", "three\n");
  EXPECT_EQ(*file.read(buffer_), "three\n");
  scratch_.write("a", "");
  EXPECT_EQ(*file.read(buffer_), "");
}

TEST_F(KeptFileTest, ReadsFilesLongerThanItsBuffer) {
  const std::string content(100'000, 'x');
  KeptFile file(scratch_.write("a", content), budget_);
  EXPECT_EQ(*file.read(buffer_), content);
  EXPECT_EQ(*file.read(buffer_, 10), "xxxxxxxxxx");
}

TEST_F(KeptFileTest, WorksWithoutBudgetToo) {
  KeptFile first(scratch_.write("a", "1"), budget_);
  KeptFile second(scratch_.write("b", "2"), budget_);
  EXPECT_EQ(*first.read(buffer_), "1");
  EXPECT_FALSE(budget_.take()) << "the first is kept open";
  EXPECT_EQ(*second.read(buffer_), "2");
  EXPECT_EQ(*second.read(buffer_), "2");
}

TEST_F(KeptFileTest, GivesItsShareBackWhenItGoes) {
  {
    KeptFile file(scratch_.write("a", "1"), budget_);
    EXPECT_TRUE(file.read(buffer_).has_value());
    KeptFile moved = std::move(file);
    EXPECT_EQ(*moved.read(buffer_), "1");
  }
  EXPECT_TRUE(budget_.take());
}

TEST_F(KeptFileTest, SaysNotFoundWhereThereIsNone) {
  KeptFile file(scratch_.path() + "/none", budget_);
  const auto content = file.read(buffer_);
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(file.was_read());
}

TEST_F(KeptFileTest, FailsOnADirectory) {
  KeptFile file(scratch_.path(), budget_);
  const auto content = file.read(buffer_);
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(content.error().message.find(scratch_.path()), std::string::npos);
}

TEST(ReadFile, ReadsFilesThatTheKernelGivesOutInPieces) {
  const auto content = read_file("/proc/self/mountinfo");
  ASSERT_TRUE(content.has_value());
  EXPECT_TRUE(content->ends_with('\n'));
  EXPECT_NE(content->find(" / / "), std::string::npos) << "the root mount is in it";
}

}  // namespace
}  // namespace sonde::identity
