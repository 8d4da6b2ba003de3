#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bpf/support/bpf_stats.h"
#include "tests/bpf/support/probe.h"

namespace sonde::test {
namespace {

using testing::IsEmpty;

class BpfSelf : public testing::Test {
 protected:
  BpfSelf()
      : context_({}, capabilities_),
        counted_(exact_syscalls(context_)),
        self_(make_bpf_self_collector(context_)) {}

  Exposition scrape(exporter::Collector& collector) {
    metrics::SeriesWriter writer;
    EXPECT_TRUE(collector.collect({exporter::ContainerTable(), SteadyClock::now()}, writer));
    return *parse_exposition(writer.text());
  }

  exporter::CapabilityTable capabilities_;
  exporter::BpfContext context_;
  std::unique_ptr<exporter::Collector> counted_;
  std::unique_ptr<exporter::Collector> self_;
};

TEST_F(BpfSelf, RunTimesAreAbsentWhileTheKernelDoesNotMeasureThem) {
  const BpfStatsEnabled stats(false);
  const Exposition page = scrape(*self_);
  EXPECT_THAT(page.find("sonde_exporter_bpf_runs_total"), IsEmpty());
  EXPECT_THAT(page.find("sonde_exporter_bpf_run_seconds_total"), IsEmpty());
  EXPECT_THAT(page.find("sonde_exporter_bpf_lost_events_total"), testing::Not(IsEmpty()));
}

TEST_F(BpfSelf, RunTimesAreThereWhileItDoes) {
  const BpfStatsEnabled stats(true);
  const Labels program{{"topic", "syscalls"}, {"program", "sys_enter"}};
  const Exposition before = scrape(*self_);
  const Exposition after = scrape(*self_);
  EXPECT_GT(after.value("sonde_exporter_bpf_runs_total", program),
            before.value("sonde_exporter_bpf_runs_total", program));
  EXPECT_GT(after.value("sonde_exporter_bpf_run_seconds_total", program), 0);
}

TEST_F(BpfSelf, OccupancyIsWhatTheLastScrapeFound) {
  (void)scrape(*counted_);
  const Exposition page = scrape(*self_);
  EXPECT_GE(page.value("sonde_exporter_bpf_map_entries", {{"topic", "syscalls"}}), 1);
  EXPECT_EQ(page.value("sonde_exporter_bpf_map_entries_max", {{"topic", "syscalls"}}),
            context_.options().max_cgroups);
}

TEST_F(BpfSelf, EachOptionalHookHasACapabilityRow) {
  metrics::SeriesWriter writer;
  capabilities_.write(writer);
  const Exposition page = *parse_exposition(writer.text());
  const auto value = [&page](const std::string& feature) {
    return page.value("sonde_exporter_capability", {{"feature", feature}, {"reason", "available"}});
  };
  EXPECT_EQ(value("syscalls"), 1);
  EXPECT_EQ(value("syscalls.sys_enter"), 1);
  EXPECT_EQ(value("syscalls.io_uring_complete"), 1);
}

}  // namespace
}  // namespace sonde::test
