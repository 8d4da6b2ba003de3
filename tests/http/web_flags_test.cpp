#include "common/http/web_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tests/identity/scratch_directory.h"

namespace sonde::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Flags {
  Flags() {
    add_web_flags(app, web, ":9999");
    add_log_flags(app, log);
  }
  /// What is wrong with the command line, "" if nothing.
  std::string parse(const std::string& line) {
    try {
      app.parse(line);
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
    return "";
  }
  CLI::App app;
  WebOptions web;
  LogOptions log;
};

TEST(WebFlags, DefaultsAreThoseOfTheHeader) {
  Flags flags;
  EXPECT_EQ(flags.parse(""), "");
  EXPECT_THAT(flags.web.listen_addresses, ElementsAre(":9999"));
  EXPECT_EQ(flags.web.telemetry_path, "/metrics");
  EXPECT_EQ(flags.web.max_requests, 40U);
  EXPECT_EQ(flags.web.compression, Compression::kGzip);
  EXPECT_EQ(flags.log.level, "info");
  EXPECT_EQ(flags.log.format, "logfmt");
}

TEST(WebFlags, AreReadFromTheCommandLine) {
  Flags flags;
  EXPECT_EQ(flags.parse("--web.listen-address=:1 --web.listen-address [::1]:2 --web.telemetry-path=/m "
                        "--web.max-requests=0 --web.compression=none --log.level=debug --log.format=json"),
            "");
  EXPECT_THAT(flags.web.listen_addresses, ElementsAre(":1", "[::1]:2"));
  EXPECT_EQ(flags.web.telemetry_path, "/m");
  EXPECT_EQ(flags.web.max_requests, 0U);
  EXPECT_EQ(flags.web.compression, Compression::kNone);
  EXPECT_EQ(flags.log.level, "debug");
  EXPECT_EQ(flags.log.format, "json");
}

TEST(WebFlags, AnAddressThatIsNoneIsRefusedAtOnceWithTheRemedy) {
  for (const std::string wrong : {"foo", ":65536", "::1:80", "http://host:80", "host:"}) {
    const std::string said = Flags().parse("--web.listen-address=:1 --web.listen-address=" + wrong);
    EXPECT_EQ(said.find("--web.listen-address=" + wrong + ": "), 0U) << said;
    EXPECT_THAT(said, HasSubstr("use host:port")) << wrong;
  }
  EXPECT_NE(Flags().parse("--web.listen-address="), "");
}

TEST(WebFlags, WrongValuesAreRefusedByName) {
  for (const std::string wrong :
       {"--web.compression=brotli", "--web.max-requests=-1", "--web.max-requests=many",
        "--web.telemetry-path=metrics", "--web.telemetry-path=/", "--web.telemetry-path=/a?b"}) {
    EXPECT_THAT(Flags().parse(wrong), HasSubstr(wrong.substr(0, wrong.find('=')))) << wrong;
  }
  EXPECT_NE(Flags().parse("--web.listen"), "") << "no abbreviations";
}

TEST(WebFlags, AWebConfigurationIsReadAtOnce) {
  Flags flags;
  EXPECT_EQ(flags.parse(""), "");
  EXPECT_EQ(flags.web.config_file, "");
  const test::ScratchDirectory folder;
  const std::string file = folder.write("web.yml", "http_server_config: {http2: false}\n");
  EXPECT_EQ(flags.parse("--web.config.file=" + file), "");
  EXPECT_EQ(flags.web.config_file, file);
  folder.write("web.yml", "\nhttp_server: {}\n");
  EXPECT_THAT(Flags().parse("--web.config.file=" + file), HasSubstr("web.yml:2: http_server: unknown key"));
  EXPECT_THAT(Flags().parse("--web.config.file=" + file + ".none"), HasSubstr("web.yml.none: No such file"));
}

}  // namespace
}  // namespace sonde::http
