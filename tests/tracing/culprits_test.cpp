#include "exporter/flows/tracing/culprits.h"

#include <gtest/gtest.h>

#include "exporter/flows/tracing/trace_request.h"
#include "exporter/flows/tracing/trace_targets.h"

namespace sonde::exporter {
namespace {

identity::ContainerName pod(const std::string& name) {
  return {.name_space = "shop", .pod = name, .container = name, .service = name};
}

TraceNames names() {
  TraceNames names;
  names.of_cgroup = [](uint64_t cgroup) -> std::optional<identity::ContainerName> {
    if (cgroup == 1) return std::nullopt;
    return pod("pod-" + std::to_string(cgroup));
  };
  names.of_address = [](const flow_address& address) -> std::optional<identity::ContainerName> {
    if (trace_end_text(address) == "10.0.0.9") return std::nullopt;
    return pod("at-" + trace_end_text(address));
  };
  return names;
}

TEST(Culprits, WhoRanWhileAThreadWaitedIsRankedByItsTime) {
  TraceCounts counts;
  counts.rivals = {{{.cgroup = 7, .victim = 5}, 100'000'000},
                   {{.cgroup = 8, .victim = 5}, 700'000'000},
                   {{.cgroup = 1, .victim = 5}, 150'000'000},
                   {{.cgroup = 0, .victim = 5}, 50'000'000}};
  const auto all = find_culprits(counts, names());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].resource, "cpu");
  EXPECT_EQ(all[0].victim, pod("pod-5"));
  ASSERT_EQ(all[0].culprits.size(), 4U);
  EXPECT_EQ(all[0].culprits[0].name, pod("pod-8"));
  EXPECT_NEAR(all[0].culprits[0].amount, 0.7, 1e-9);
  EXPECT_NEAR(all[0].culprits[0].share, 0.7, 1e-9);
  EXPECT_EQ(all[0].culprits[1].text, "the node");
  EXPECT_EQ(all[0].culprits[3].text, "own CPU limit")
      << "the CPU was idle: what held the thread was its quota";
  EXPECT_TRUE(all[0].culprits[3].victim);
}

TEST(Culprits, WhoSharesAnInterfaceIsRankedByBytes) {
  const auto address = [](const char* text) { return parse_trace_end(text)->address; };
  TraceCounts counts;
  counts.flows = {{0,
                   {.source = address("10.0.0.1"),
                    .destination = address("10.0.0.9"),
                    .source_port = 1,
                    .destination_port = 2}}};
  counts.sources = {{{.device = {.space = 4, .interface = 2}, .source = address("10.0.0.1")}, 1000},
                    {{.device = {.space = 4, .interface = 2}, .source = address("10.0.0.3")}, 9000},
                    {{.device = {.space = 5, .interface = 2}, .source = address("10.0.0.1")}, 1000}};
  const auto all = find_culprits(counts, names());
  ASSERT_EQ(all.size(), 1U) << "nobody shares the other one";
  EXPECT_EQ(all[0].where, "interface 2 of network namespace 4");
  EXPECT_EQ(all[0].victim, pod("at-10.0.0.1"));
  EXPECT_EQ(all[0].culprits[0].name, pod("at-10.0.0.3"));
  EXPECT_NEAR(all[0].culprits[0].share, 0.9, 1e-9);
  EXPECT_TRUE(all[0].culprits[1].victim);
}

TEST(Culprits, AnAddressIsTheContainersThatAloneHasIt) {
  const auto address = [](const char* text) { return parse_trace_end(text)->address; };
  const std::map<uint32_t, identity::ContainerName> by_space{{4, pod("a")}, {5, pod("b")}};
  const std::vector<ContainerAddresses> addresses{{4, {address("10.0.0.1"), address("169.254.0.1")}},
                                                  {5, {address("10.0.0.2"), address("169.254.0.1")}},
                                                  {6, {address("10.0.0.3")}}};
  auto names = containers_by_address(by_space, addresses);
  EXPECT_EQ(names[address("10.0.0.1")], pod("a"));
  EXPECT_EQ(names[address("10.0.0.2")], pod("b"));
  EXPECT_EQ(names[address("169.254.0.1")], std::nullopt) << "two have it";
  EXPECT_EQ(names[address("10.0.0.3")], std::nullopt) << "no container is known there";
}

}  // namespace
}  // namespace sonde::exporter
