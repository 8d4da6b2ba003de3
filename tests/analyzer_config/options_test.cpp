#include "analyzer/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "analyzer/config/config.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::analyzer {
namespace {

using testing::HasSubstr;

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "sonde-analyzer");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

std::string file_text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Options, ServeByDefaultOnTheAnalyzersPort) {
  const CommandLine line = parse({});
  EXPECT_FALSE(line.exit_code);
  EXPECT_EQ(line.options.web.listen_addresses, std::vector<std::string>{":9757"});
  EXPECT_FALSE(line.options.enable_lifecycle);
  EXPECT_EQ(line.options.config_file, "");
}

TEST(Options, TakeTheFlags) {
  const CommandLine line = parse({"--config.file=/etc/sonde/analyzer.yml", "--web.enable-lifecycle",
                                  "--web.listen-address=127.0.0.1:0", "--log.level=debug"});
  EXPECT_FALSE(line.exit_code);
  EXPECT_EQ(line.options.config_file, "/etc/sonde/analyzer.yml");
  EXPECT_TRUE(line.options.enable_lifecycle);
  EXPECT_EQ(line.options.log.level, "debug");
}

TEST(Options, AnUnknownFlagEndsWith2) {
  const CommandLine line = parse({"--config.fiel=x"});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("--config.fiel"));
}

TEST(Options, AnAddressThatIsNoneEndsWith2) {
  const CommandLine line = parse({"--web.listen-address=9757"});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("--web.listen-address=9757: it has no port; use host:port"));
  EXPECT_EQ(std::ranges::count(line.output, '\n'), 1);
}

TEST(Options, AWrongWebConfigurationEndsWith2) {
  const test::ScratchDirectory folder;
  const std::string flag = "--web.config.file=" + folder.write("web.yml", "tls_server_config: {cert: x}\n");
  const CommandLine line = parse({flag.c_str()});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("web.yml:1: tls_server_config.key_file: missing"));
  EXPECT_EQ(std::ranges::count(line.output, '\n'), 1);
}

TEST(Options, HelpAndVersionEndWith0) {
  const CommandLine help = parse({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* part : {"--config.check", "(default: :9757)", "\nWeb:\n", "\nExamples:\n"})
    EXPECT_THAT(help.output, HasSubstr(part));
  std::string words = help.output;  // wherever its lines end
  std::ranges::replace(words, '\n', ' ');
  for (const char* command : {"query", "dataset", "train", "calibrate", "evaluate classify"})
    EXPECT_THAT(words, HasSubstr(std::string("`sonde-analyzer ") + command + '`'));
  EXPECT_THAT(parse({"--version"}).output, HasSubstr("sonde-analyzer"));
}

TEST(Options, TheExampleIsTheDocumentedFile) {
  const CommandLine line = parse({"--config.example"});
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_EQ(line.output, file_text(SONDE_SOURCE_DIR "/docs/analyzer.yml"));
}

TEST(Options, APresetIsTheFileInTheSources) {
  for (const std::string& name : preset_names()) {
    const std::string flag = "--config.preset=" + name;
    EXPECT_EQ(parse({flag.c_str()}).output,
              file_text(SONDE_SOURCE_DIR "/analyzer/config/presets/" + name + ".yml"));
  }
  EXPECT_EQ(parse({"--config.preset=sonda"}).exit_code, 2);
}

class ConfigCheck : public testing::Test {
 protected:
  CommandLine check(const std::string& yaml) {
    const std::string file = folder_.path() + "/analyzer.yml";
    std::ofstream(file) << yaml;
    const std::string flag = "--config.file=" + file;
    return parse({flag.c_str(), "--config.check"});
  }
  sonde::test::ScratchDirectory folder_;
};

TEST_F(ConfigCheck, AGoodFileEndsWith0) {
  EXPECT_EQ(check("").exit_code, 0);
  EXPECT_EQ(check(std::string(example_config())).exit_code, 0);
  EXPECT_EQ(parse({"--config.check"}).exit_code, 0) << "the defaults";
}

TEST_F(ConfigCheck, AWrongOneEndsWith2AndOneLine) {
  for (const char* yaml :
       {"analysis: {intervall: 2s}", "prometheus: {url: 'localhost'}", "prometheus: {tls: {cert_file: /a}}",
        "metric_map: {cpu_usage: {select: 'a{'}}", "prometheus: {url: 'http://me:secret@host:9090'}"}) {
    const CommandLine line = check(yaml);
    EXPECT_EQ(line.exit_code, 2) << yaml;
    EXPECT_EQ(std::ranges::count(line.output, '\n'), 1) << line.output;
    EXPECT_EQ(line.output.find("secret"), std::string::npos) << line.output;
  }
}

TEST_F(ConfigCheck, WhatTheSourceOrASelectorRefusesIsNamedWithFileAndLine) {
  const std::pair<const char*, const char*> refused[] = {
      {"analysis: {interval: 2s}\nprometheus:\n  url: localhost\n",
       "analyzer.yml:3: prometheus.url=localhost: must begin with http:// or https://; write "
       "http://localhost:9090\n"},
      {"prometheus:\n  bearer_token_file: /nowhere\n",
       "analyzer.yml:2: prometheus.bearer_token_file=/nowhere: No such file or directory; name a file that "
       "exists and can be read\n"},
      {"prometheus:\n  basic_auth: {username: a, password_file: /tmp}\n",
       "analyzer.yml:2: prometheus.basic_auth.password_file=/tmp: not a regular file; name one, no directory "
       "or pipe\n"},
      {"prometheus:\n  url: http://me:secret@host:9090\n",
       "analyzer.yml:2: prometheus.url: holds credentials; set basic_auth.username and "
       "basic_auth.password_file, or bearer_token_file, instead\n"},
      {"prometheus:\n  url: https://host\n  tls:\n    cert_file: /dev/null\n",
       "analyzer.yml:3: prometheus.tls.key_file: missing"},
      {"prometheus:\n  url: https://host\n  tls:\n    ca_file: /nowhere\n",
       "analyzer.yml:4: prometheus.tls.ca_file=/nowhere: not a file"},
      {"prometheus:\n  tenant: x\n  bearer_token_file: /t\n  basic_auth: {username: 'a:b', password_file: "
       "/p}\n",
       "analyzer.yml:3: prometheus.bearer_token"},
      {"prometheus:\n  basic_auth:\n    username: 'a:b'\n    password_file: /p\n",
       "analyzer.yml:3: prometheus.basic_auth.username=a:b: "},
      {"metric_map:\n  cpu_usage:\n    floor: 1\n    select: 'a{'\n",
       "analyzer.yml:4: metric_map.cpu_usage.select=a{"},
  };
  for (const auto& [yaml, start] : refused) {
    const CommandLine line = check(yaml);
    EXPECT_EQ(line.exit_code, 2) << yaml;
    EXPECT_THAT(line.output, HasSubstr(start)) << yaml;
  }
}

TEST(Options, TheMetricsTableListsTheCulprit) {
  EXPECT_THAT(parse({"--metrics.table"}).output, HasSubstr("| `sonde_culprit` | gauge |"));
}

}  // namespace
}  // namespace sonde::analyzer
