#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/flows/support/flow_interfaces_fixture.h"

namespace sonde::test {
namespace {

using exporter::FlowAttach;
using exporter::TcMeans;

size_t open_files() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                           std::filesystem::directory_iterator()));
}

class EveryMeans : public FlowInterfacesTest, public testing::WithParamInterface<TcMeans> {};

TEST_P(EveryMeans, AHundredPairsThatComeAndGoInALoopLeaveNothingBehind) {
  const Pod pod;
  know(pod);
  start(options(FlowAttach::kHostEnds, GetParam()));
  const size_t files = open_files();
  // Batches are quick enough that interfaces go between their event and being attached to.
  std::string add;
  std::string remove;
  for (int i = 0; i < 100; ++i) {
    add += fmt::format("link add churn{} type veth peer name in{} netns {}\n", i, i, pod.process());
    remove += fmt::format("link del churn{}\n", i);
  }
  const auto batch = [](const std::string& lines) { run("ip -batch - <<'END'\n" + lines + "END"); };
  for (int round = 0; round < 3; ++round) {
    batch(add);
    batch(remove);
  }
  batch(add);
  ASSERT_TRUE(eventually([&] { return flows_->current().size() == 100; }));
  EXPECT_EQ(metric("sonde_exporter_flow_interfaces", {{"means", std::string(tc_means_word(GetParam()))}}),
            100);
  batch(remove);
  ASSERT_TRUE(eventually([&] { return flows_->current().empty(); }));
  EXPECT_EQ(metric("sonde_exporter_flow_attach_failures_total"), 0);
  EXPECT_EQ(metric("sonde_exporter_flow_interfaces_failed"), 0);
  EXPECT_GE(
      metric("sonde_exporter_flow_attachments_total", {{"means", std::string(tc_means_word(GetParam()))}}),
      100);
  EXPECT_EQ(open_files(), files);
}

INSTANTIATE_TEST_SUITE_P(Means, EveryMeans, testing::Values(TcMeans::kTcx, TcMeans::kClsact),
                         [](const auto& parameter) { return std::string(tc_means_word(parameter.param)); });

TEST_F(FlowInterfacesTest, FiltersThatSomebodyDeletedAreMadeAgain) {
  const Pod pod;
  pod.connect("host0", 1);
  know(pod);
  auto filters = options(FlowAttach::kHostEnds, TcMeans::kClsact);
  filters.list_period = std::chrono::milliseconds(100);
  start(std::move(filters));
  const uint32_t index = flows_->current().at(0).index;
  run("tc qdisc del dev host0 clsact");
  ASSERT_TRUE(eventually(
      [&] { return metric("sonde_exporter_flow_attachments_total", {{"means", "clsact"}}) == 2; }));
  pod.inside([] { send_datagrams("10.0.1.1", 23); });
  EXPECT_TRUE(eventually([&] { return programs_.sent(index) == 23; }));
  EXPECT_EQ(metric("sonde_exporter_flow_attach_failures_total"), 0);
  EXPECT_EQ(metric("sonde_exporter_flow_interfaces_hidden"), 0);
}

TEST_F(FlowInterfacesTest, LostEventsLeadToAWholeListing) {
  const Pod pod;
  know(pod);
  std::mutex busy;
  auto slow = options();
  slow.event_bytes = 4096;
  slow.containers = [&, ask = slow.containers] {
    const std::lock_guard wait(busy);
    return ask();
  };
  start(std::move(slow));
  {
    const std::lock_guard hold(busy);
    std::string add;
    for (int i = 0; i < 50; ++i) {
      add += fmt::format("link add lost{} type veth peer name in{} netns {}\n", i, i, pod.process());
    }
    run("ip -batch - <<'END'\n" + add + "END");
  }
  EXPECT_TRUE(eventually([&] { return flows_->current().size() == 50; }));
  EXPECT_GE(metric("sonde_exporter_flow_relistings_total"), 1);
}

}  // namespace
}  // namespace sonde::test
