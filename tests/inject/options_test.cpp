#include "inject/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace sonde::inject {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Outcome {
  CommandLine command;
  std::string out;
  std::string err;
};

Outcome read(std::vector<const char*> words) {
  words.insert(words.begin(), "sonde-inject");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome{read_command_line(static_cast<int>(words.size()), words.data()), "", ""};
  fflush(stdout);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

/// One line on stderr that holds all the words, exit code 2, nothing to run.
void expect_refusal(std::vector<const char*> words, std::initializer_list<const char*> parts) {
  const Outcome outcome = read(std::move(words));
  EXPECT_EQ(outcome.command.exit_code, 2) << outcome.err;
  EXPECT_FALSE(outcome.command.inject || outcome.command.undo);
  EXPECT_THAT(outcome.err, StartsWith("sonde-inject: "));
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  for (const char* part : parts) EXPECT_THAT(outcome.err, HasSubstr(part));
}

TEST(CommandLine, ShowsHelpAndVersionOnStdout) {
  const Outcome help = read({"--help"});
  EXPECT_EQ(help.command.exit_code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("cpu"), HasSubstr("undo"), HasSubstr("\nExamples:\n")));
  const Outcome version = read({"--version"});
  EXPECT_EQ(version.command.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("sonde-inject, version "));
  EXPECT_THAT(read({"cpu", "--help"}).out, AllOf(HasSubstr("--cores"), HasSubstr("--web.listen-address")));
}

TEST(CommandLine, PrintsTheTableOfItsMetrics) {
  const Outcome table = read({"--metrics.table"});
  EXPECT_EQ(table.command.exit_code, 0);
  EXPECT_THAT(table.out, AllOf(StartsWith("## sonde-inject\n"), HasSubstr("| `sonde_fault_active` | gauge |"),
                               HasSubstr("| `sonde_fault_asked_cores` | gauge | cores |"),
                               HasSubstr("| `process_cpu_seconds_total` | counter |")));
}

TEST(CommandLine, RefusesMistakesInOneLineWithTheRemedy) {
  expect_refusal({}, {"--help"});
  expect_refusal({"memroy"}, {"memroy", "--help"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--coors", "1"}, {"--coors", "unknown flag"});
  expect_refusal({"cpu", "--duration", "5s"}, {"--cgroup", "required", "--service"});
  expect_refusal({"cpu", "--cgroup", "/x", "--pod", "y", "--duration", "5s"},
                 {"--cgroup=/x", "--pod=y", "one way"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--shape", "zigzag"},
                 {"--shape=zigzag", "ramp"});
  expect_refusal({"pause", "--cgroup", "/x", "--duration", "5s", "--shape", "ramp"},
                 {"--shape=ramp", "flapping"});
  for (const char* size : {"0", "5MB", "-1", "x"}) {
    expect_refusal({"memory", "--cgroup", "/x", "--duration", "5s", "--rate", size}, {"--rate=", "5MiB"});
    expect_refusal({"disk", "--cgroup", "/x", "--duration", "5s", "--rate", size}, {"--rate=", "MiB"});
  }
  expect_refusal({"memory", "--cgroup", "/x", "--duration", "5s", "--ceiling", "4KiB"},
                 {"--ceiling=4KiB", "1MiB"});
  expect_refusal({"disk", "--cgroup", "/x", "--duration", "5s", "--mode", "append"},
                 {"--mode=append", "both"});
  expect_refusal({"files", "--cgroup", "/x", "--duration", "5s", "--left", "few"}, {"--left=few", "number"});
  expect_refusal({"processes", "--cgroup", "/x", "--duration", "5s", "--count", "0"},
                 {"--count=0", "number"});
  expect_refusal({"kill", "--cgroup", "/x", "--duration", "5s", "--every", "1ms"}, {"--every=1ms", "500ms"});
  expect_refusal({"cpu", "--cgroup", "/x"}, {"--duration", "required"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5"}, {"--duration=5:", "write"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "0s"}, {"--duration=0s:", "write"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "25h"}, {"--duration=25h:", "24h"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--linger", "soon"},
                 {"--linger=soon:", "write"});
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--proof-timeout", "x"},
                 {"--proof-timeout=x:"});
  for (const char* cores : {"0", "-1", "1e9", "nan", "inf", "two", "1x", ""}) {
    expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--cores", cores}, {"--cores"});
  }
  for (const char* share : {"0", "1.1", "nan", "x"}) {
    expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--min-effect", share}, {"--min-effect="});
  }
  expect_refusal({"cpu", "--cgroup", "/x", "--duration", "5s", "--web.listen-address", "foo"},
                 {"--web.listen-address=foo: it has no port"});
  expect_refusal({"undo", "--log.level", "loud"}, {"--log.level", "loud"});
}

TEST(CommandLine, NamesTheFaultsWhereThereIsNoneOfThatName) {
  expect_refusal({"memroy", "--help"}, {"no fault 'memroy'", "nearest: memory;"});
  // What is late is called by its flag --delay; flags behind an unknown fault are not what is wrong.
  expect_refusal({"delay", "--service", "api", "--duration", "30s", "--check"},
                 {"no fault 'delay'; nearest: latency; there are: cpu, memory, ", ", bandwidth",
                  "campaign, workload, undo", "--help"});
  expect_refusal({"delay", "--help"}, {"no fault 'delay'"});
  expect_refusal({"campain"}, {"nearest: campaign"});
  const Outcome far = read({"xylophone"});
  EXPECT_THAT(far.err, AllOf(HasSubstr("no fault 'xylophone'; there are: cpu"), Not(HasSubstr("nearest"))));
}

TEST(CommandLine, RefusesAReplicaThatIsNoNumber) {
  for (const char* number : {"all", "0", "-1", "1.5", "2x"}) {
    expect_refusal({"cpu", "--service", "api", "--duration", "5s", "--replica", number},
                   {(std::string("--replica=") + number + ":").c_str(), "number, from 1"});
  }
}

TEST(CommandLine, RefusesFaultsOfTheNetworkThatMakeNoSense) {
  const auto expect = [](const char* fault, const char* flag, const char* value) {
    expect_refusal({fault, "--cgroup", "/x", "--duration", "5s", flag, value},
                   {(std::string(flag) + "=" + value + ":").c_str()});
  };
  for (const char* ratio : {"0", "1.1", "nan", "-0.1", "10%", ""}) expect("loss", "--ratio", ratio);
  for (const char* delay : {"0", "11s", "50", "soon"}) expect("latency", "--delay", delay);
  expect("latency", "--jitter", "51ms");  // more than the delay
  expect("latency", "--distribution", "pareto");
  for (const char* rate : {"0", "9999", "1e12", "1MB"}) expect("bandwidth", "--bytes-per-second", rate);
  for (const char* fault : {"loss", "latency", "bandwidth"}) expect(fault, "--min-effect", "0");
}

TEST(CommandLine, NamesAMissingCgroup) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: rights are checked before the cgroup is looked up";
  expect_refusal({"cpu", "--cgroup", "/sonde/no/such", "--duration", "5s"},
                 {"--cgroup=/sonde/no/such:", "exists in none"});
  expect_refusal({"cpu", "--cgroup", "/", "--duration", "5s"}, {"--cgroup=/:", "whole machine"});
}

TEST(CommandLine, KnowsAFaultByItsWordsWithWhatIsNotGiven) {
  const auto asked = read_fault_words({"latency", "--cgroup=/x", "--duration=1m", "--delay=80ms"});
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_THAT(asked->words, AllOf(StartsWith("latency "), HasSubstr(" --delay=80ms"),
                                  HasSubstr(" --distribution=uniform"), Not(HasSubstr("--duration"))));
}

TEST(CommandLine, ReadsUndo) {
  const Outcome outcome = read({"undo", "--all", "--state-dir", "/tmp/x"});
  ASSERT_TRUE(outcome.command.undo) << outcome.err;
  EXPECT_TRUE(outcome.command.undo->all);
  EXPECT_EQ(outcome.command.undo->state_folder, "/tmp/x");
  EXPECT_EQ(read({"undo"}).command.undo.value().state_folder, "/run/sonde");
}

}  // namespace
}  // namespace sonde::inject
