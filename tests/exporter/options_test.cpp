#include "exporter/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "exporter/collector_table.h"
#include "exporter/metrics_table.h"

namespace sonde::exporter {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

CommandLine parse(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "sonde-exporter");
  return parse_command_line(static_cast<int>(flags.size()), flags.data());
}

TEST(Options, SayWhereFlowsAreWatched) {
  EXPECT_EQ(parse({}).options.flows.attach, FlowAttach::kHostEnds);
  EXPECT_EQ(parse({}).options.flows.means, TcMeans::kBest);
  const CommandLine line = parse({"--flows.attach=node", "--flows.node-interfaces=eth[0-9]+",
                                  "--flows.network-namespace=switch", "--flows.attach-means=clsact"});
  ASSERT_FALSE(line.exit_code.has_value()) << line.output;
  EXPECT_EQ(line.options.flows.attach, FlowAttach::kNode);
  EXPECT_EQ(line.options.flows.node_interfaces, "eth[0-9]+");
  EXPECT_EQ(line.options.flows.network_namespace, "switch");
  EXPECT_EQ(line.options.flows.means, TcMeans::kClsact);
  EXPECT_EQ(parse({"--flows.attach=containers"}).options.flows.attach, FlowAttach::kContainers);
}

TEST(Options, WrongOnesOfFlowsAreNamedWithTheRemedy) {
  const CommandLine word = parse({"--flows.attach=pods"});
  EXPECT_EQ(word.exit_code, 2);
  EXPECT_THAT(word.output, HasSubstr("--flows.attach"));
  EXPECT_THAT(word.output, HasSubstr("host-ends"));
  const CommandLine expression = parse({"--flows.attach=node", "--flows.node-interfaces=eth["});
  EXPECT_EQ(expression.exit_code, 2);
  EXPECT_THAT(expression.output, HasSubstr("--flows.node-interfaces=eth["));
  const CommandLine elsewhere = parse({"--flows.node-interfaces=eth0"});
  EXPECT_EQ(elsewhere.exit_code, 2);
  EXPECT_THAT(elsewhere.output, HasSubstr("--flows.attach=node"));
}

TEST(Options, HaveTheDefaultsThatHelpShows) {
  const CommandLine line = parse({});
  ASSERT_FALSE(line.exit_code.has_value()) << line.output;
  const Options& options = line.options;
  EXPECT_THAT(options.web.listen_addresses, ElementsAre(":9756"));
  EXPECT_EQ(options.web.telemetry_path, "/metrics");
  EXPECT_EQ(options.roots.procfs, "/proc");
  EXPECT_EQ(options.roots.cgroupfs, "/sys/fs/cgroup");
  EXPECT_EQ(options.cgroup_include, std::nullopt);
  EXPECT_EQ(options.node_lock, "sonde-exporter");
  EXPECT_TRUE(options.host_row);
  EXPECT_EQ(options.max_cgroups, 4096U);
  EXPECT_EQ(options.syscalls.mode, SyscallsOptions().mode);
  EXPECT_EQ(options.syscalls.sampling_ratio, kDefaultSamplingRatio);
  EXPECT_EQ(options.syscalls.sampling_period, std::chrono::seconds(5));
  const CommandLine help = parse({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* const shown : {":9756", "/metrics", "/proc", "/sys/fs/cgroup", "4096"}) {
    EXPECT_THAT(help.output, HasSubstr(shown));
  }
}

TEST(Options, SwitchCollectorsOnAndOff) {
  EXPECT_EQ(parse({}).options.collectors.size(), collector_table().size());
  EXPECT_THAT(parse({"--no-collector.oom"}).options.collectors, Not(Contains("oom")));
  EXPECT_THAT(parse({"--collector.disable-defaults", "--collector.oom"}).options.collectors,
              ElementsAre("oom"));
  EXPECT_THAT(parse({"--collector.oom", "--collector.disable-defaults"}).options.collectors,
              ElementsAre("oom"));
  EXPECT_TRUE(parse({"--collector.disable-defaults"}).options.collectors.empty());
}

TEST(Options, TakeTheHostsPathsAndTheSyscallsMode) {
  const CommandLine line =
      parse({"--path.procfs=/host/proc", "--path.cgroupfs", "/host/cgroup", "--collector.syscalls.mode=exact",
             "--collector.syscalls.sampling-ratio=0.25", "--collector.syscalls.sampling-period=1500ms",
             "--container.cgroup-include=/shop/[^/]+", "--node.lock=none", "--container.without-host-row",
             "--bpf.disable-hook=a", "--bpf.disable-hook=b"});
  ASSERT_FALSE(line.exit_code.has_value()) << line.output;
  EXPECT_EQ(line.options.roots.procfs, "/host/proc");
  EXPECT_EQ(line.options.roots.cgroupfs, "/host/cgroup");
  EXPECT_EQ(line.options.syscalls.mode, SyscallsMode::kExact);
  EXPECT_EQ(line.options.syscalls.sampling_ratio, 0.25);
  EXPECT_EQ(line.options.syscalls.sampling_period, std::chrono::milliseconds(1500));
  EXPECT_EQ(line.options.cgroup_include, "/shop/[^/]+");
  EXPECT_EQ(line.options.node_lock, "none");
  EXPECT_FALSE(line.options.host_row);
  EXPECT_THAT(line.options.disabled_hooks, ElementsAre("a", "b"));
}

TEST(Options, TakeTheRoomForCgroupsWithinItsRange) {
  EXPECT_EQ(parse({"--bpf.max-cgroups=64"}).options.max_cgroups, 64U);
  EXPECT_EQ(parse({"--bpf.max-cgroups=1048576"}).options.max_cgroups, 1048576U);
  for (const char* const flag : {"--bpf.max-cgroups=63", "--bpf.max-cgroups=1048577", "--bpf.max-cgroups=0",
                                 "--bpf.max-cgroups=-1", "--bpf.max-cgroups=many"}) {
    const CommandLine line = parse({flag});
    EXPECT_EQ(line.exit_code, 2) << flag;
    EXPECT_THAT(line.output, HasSubstr("--bpf.max-cgroups")) << flag;
  }
}

TEST(Options, TakeWhenConnectionsAreTraced) {
  const Options options = parse({"--flows.trigger.absolute=api=60ms", "--flows.trigger.absolute=*=1s",
                                 "--flows.trigger.relative=api=3", "--flows.trigger.duration=1s",
                                 "--flows.trigger.interval=5m", "--flows.trace.max-events-per-second=500"})
                              .options;
  EXPECT_TRUE(options.traces.on);
  EXPECT_EQ(options.traces.triggers.size(), 2U);
  EXPECT_EQ(options.traces.triggers.at("api").absolute, std::chrono::milliseconds(60));
  EXPECT_EQ(options.traces.triggers.at("api").relative_percent, 300U);
  EXPECT_EQ(options.traces.trigger_duration, std::chrono::seconds(1));
  EXPECT_EQ(options.traces.trigger_interval, std::chrono::minutes(5));
  EXPECT_EQ(options.traces.limits.events_per_second, 500U);
  EXPECT_FALSE(parse({"--no-flows.trace"}).options.traces.on);
  for (const char* const flag : {"--flows.trigger.absolute=api", "--flows.trigger.relative=api=1",
                                 "--flows.trigger.duration=2m", "--flows.trace.max-events=1"}) {
    const CommandLine wrong = parse({flag});
    EXPECT_EQ(wrong.exit_code, 2) << flag;
    EXPECT_NE(wrong.output.find("--flows.tr"), std::string::npos) << wrong.output;
  }
}

TEST(Options, RefuseAnAddressThatIsNone) {
  for (const char* const flag :
       {"--web.listen-address=foo", "--web.listen-address=:65536", "--web.listen-address="}) {
    const CommandLine line = parse({"--web.listen-address=:9756", flag});
    EXPECT_EQ(line.exit_code, 2) << flag;
    EXPECT_THAT(line.output, HasSubstr("--web.listen-address")) << flag;
  }
  EXPECT_FALSE(parse({"--web.listen-address=[::1]:0"}).exit_code.has_value());
}

TEST(Options, RefuseACollectorThatIsToBeOnAndOff) {
  const CommandLine line = parse({"--collector.oom", "--no-collector.oom"});
  EXPECT_EQ(line.exit_code, 2);
  EXPECT_THAT(line.output, HasSubstr("--no-collector.oom"));
}

TEST(Options, KeepLinesOfHelpReadable) {
  const std::string help = parse({"--help"}).output;
  EXPECT_THAT(help, Not(HasSubstr("{false}")));
  for (const char* part : {"(default: :9756)", "\nContainers:\n", "\nExamples:\n"})
    EXPECT_THAT(help, HasSubstr(part));
  for (const CollectorEntry& entry : collector_table()) {
    EXPECT_THAT(help, HasSubstr("  --collector." + std::string(entry.name)));
  }
  size_t start = 0;
  while (start < help.size()) {
    const size_t end = std::min(help.find('\n', start), help.size());
    EXPECT_LE(end - start, 110U) << help.substr(start, end - start);
    start = end + 1;
  }
}

TEST(Options, RefuseAnUnknownCollectorWithTheListOfThem) {
  for (const char* const flag : {"--collector.nonsense", "--no-collector.nonsense"}) {
    const CommandLine line = parse({flag});
    EXPECT_EQ(line.exit_code, 2);
    EXPECT_THAT(line.output, HasSubstr(flag));
    for (const CollectorEntry& entry : collector_table())
      EXPECT_THAT(line.output, HasSubstr(std::string(entry.name)));
  }
}

TEST(CollectorTable, NamesEachCollectorOnceAndItsMetricsOnce) {
  std::set<std::string> names;
  std::set<std::string> metrics;
  for (const CollectorEntry& entry : collector_table()) {
    EXPECT_TRUE(names.emplace(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.metrics().empty()) << entry.name;
    for (const metrics::MetricRow& row : entry.metrics()) {
      EXPECT_TRUE(metrics.emplace(row.name).second) << row.name;
      EXPECT_TRUE(row.name.starts_with("sonde_")) << row.name;
      EXPECT_EQ(row.type == metrics::MetricType::kCounter, row.name.ends_with("_total")) << row.name;
      EXPECT_TRUE(row.help.ends_with('.')) << row.name;
    }
  }
}

TEST(MetricsTable, HasARowForEachMetric) {
  const std::string table = metrics_table();
  for (const CollectorEntry& entry : collector_table()) {
    for (const metrics::MetricRow& row : entry.metrics())
      EXPECT_THAT(table, HasSubstr("| `" + std::string(row.name)));
  }
  EXPECT_THAT(table, HasSubstr("| `process_start_time_seconds` |"));
  EXPECT_THAT(table, HasSubstr("| `sonde_exporter_capability` |"));
}

}  // namespace
}  // namespace sonde::exporter
