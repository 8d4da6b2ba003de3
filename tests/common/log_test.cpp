#include "common/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace sonde::log {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

/// What the process writes to stderr meanwhile.
std::string logged(std::string_view level, std::string_view format,
                   const std::function<void()>& write_lines) {
  EXPECT_TRUE(configure(level, format));
  ::testing::internal::CaptureStderr();
  write_lines();
  std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(configure("info", "logfmt"));
  return text;
}

TEST(Log, LogfmtHasTimeLevelMessageAndFields) {
  const std::string line =
      logged("info", "logfmt", [] { warning("cannot read", {{"file", "/a b"}, {"tries", 3}}); });
  EXPECT_THAT(line, MatchesRegex("ts=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z level=warn "
                                 "msg=\"cannot read\" file=\"/a b\" tries=3\n"));
}

TEST(Log, LogfmtEscapesWhatWouldForgeFieldsOrLines) {
  const std::string line = logged("info", "logfmt", [] {
    info("seen", {{"a", "x=1 level=error"}, {"b", "1\n2"}, {"c", "\"\\"}, {"d", ""}});
  });
  EXPECT_THAT(line, EndsWith(R"( a="x=1 level=error" b="1\n2" c="\"\\" d="")"
                             "\n"));
}

TEST(Log, JsonIsOneObjectALineAndKeepsValues) {
  const std::string hostile = "a\"b\\c\nd\te\x01\x7f";
  const std::string line =
      logged("info", "json", [&] { error("failed", {{"value", hostile}, {"code", -7}}); });
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed.at("level"), "error");
  EXPECT_EQ(parsed.at("msg"), "failed");
  EXPECT_EQ(parsed.at("value"), hostile);
  EXPECT_EQ(parsed.at("code"), "-7");
  EXPECT_THAT(line, EndsWith("}\n"));
}

TEST(Log, BytesThatAreNotUtf8StillGiveValidJson) {
  const std::string line = logged("info", "json", [] { info("seen", {{"name", "a\xff\xc3"}}); });
  EXPECT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST(Log, LinesBelowTheLevelAreNotWritten) {
  const auto all = [] {
    debug("d");
    info("i");
    warning("w");
    error("e");
  };
  EXPECT_THAT(logged("debug", "logfmt", all), HasSubstr("msg=d\n"));
  EXPECT_THAT(logged("warn", "logfmt", all),
              MatchesRegex("ts=[^ ]+ level=warn msg=w\nts=[^ ]+ level=error msg=e\n"));
}

TEST(Log, WrongWordsAreRefusedWithTheWordsAllowed) {
  EXPECT_THAT(configure("loud", "logfmt").error().message,
              ::testing::AllOf(HasSubstr("--log.level=loud"), HasSubstr("debug, info, warn, error")));
  EXPECT_THAT(configure("info", "xml").error().message,
              ::testing::AllOf(HasSubstr("--log.format=xml"), HasSubstr("logfmt, json")));
}

}  // namespace
}  // namespace sonde::log
