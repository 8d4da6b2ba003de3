#include "exporter/flows/flow_view.h"

#include <gtest/gtest.h>

#include <netinet/in.h>

#include <nlohmann/json.hpp>

namespace sonde::exporter {
namespace {

using Parsed = nlohmann::json;

constexpr uint64_t kSecond = 1'000'000'000;

/// Pods a and b behind the interfaces 11 and 12; 10.244.0.11 and .12 are their addresses.
class FlowsJson : public testing::Test {
 protected:
  FlowsJson() {
    std::vector<Container> containers;
    std::vector<FlowInterface> interfaces;
    std::vector<ContainerAddresses> addresses;
    for (const auto& [pod, number] : {std::pair<std::string, uint32_t>{"a", 11}, {"b", 12}}) {
      for (const std::string name : {"server", "sidecar"}) {
        Container one;
        one.name = {"shop", pod, name, "service-" + pod};
        one.pod_labels = metrics::Labels{{"pod", pod}};
        one.network_namespace = name == "server" ? number : 0;
        containers.push_back(one);
      }
      interfaces.push_back({.space = 0, .index = number, .network_namespace = number});
      addresses.push_back({number, {*parse_address("10.244.0." + std::to_string(number))}});
    }
    const ContainerTable table(containers, {}, {});
    pods_.update(table, interfaces, now_);
    peers_.update(table, interfaces, addresses);
  }

  static FlowEntry flow(uint32_t interface, uint16_t port, const std::function<void(flow_state&)>& fill) {
    FlowEntry entry{};
    entry.key.local = *parse_address("10.244.0." + std::to_string(interface));
    entry.key.remote = *parse_address(interface == 11 ? "10.244.0.12" : "192.0.2.1");
    entry.key.local_port = port;
    entry.key.remote_port = 80;
    entry.key.interface = interface;
    entry.state.first_ns = 90 * kSecond;
    fill(entry.state);
    return entry;
  }
  Parsed view(const FlowsRequest& request) {
    return Parsed::parse(flows_json(entries_, request, pods_, peers_, translations_.get(), details_, now_));
  }
  std::vector<int> ports(const FlowsRequest& request) {
    std::vector<int> ports;
    const Parsed page = view(request);
    for (const Parsed& one : page["flows"]) ports.push_back(one["local"]["port"]);
    return ports;
  }

  SteadyTime now_{std::chrono::seconds(100)};
  FlowPods pods_;
  PeerTable peers_{NamedNetworks()};
  std::unique_ptr<TranslationTable> translations_;
  FlowDetails details_;
  std::vector<FlowEntry> entries_{
      flow(11, 1,
           [](flow_state& s) {
             s.sent.bytes = 10;
             s.received.bytes = 20;
             s.sent.retransmitted = 7;
           }),
      flow(11, 2,
           [](flow_state& s) {
             s.sent.bytes = 40;
             s.rtt = {8 * 5'000'000, 4'000'000, 6'000'000, 3};
           }),
      flow(12, 3,
           [](flow_state& s) {
             s.sent.bytes = 5;
             s.first_ns = 10 * kSecond;
             s.rtt = {8 * 9'000'000, 1, 1, 1};
           }),
  };
};

TEST_F(FlowsJson, AFlowHasBothEndsNamesAndItsTimes) {
  FlowsRequest request;
  request.limit = 1;
  const Parsed page = view(request);
  EXPECT_EQ(page["matched"], 3);
  EXPECT_EQ(page["in_table"], 3);
  ASSERT_EQ(page["flows"].size(), 1U);
  const Parsed& one = page["flows"][0];
  EXPECT_EQ(one["local"], Parsed::parse(R"({"namespace":"shop","pod":"a","containers":["server","sidecar"],
                                          "service":"service-a","address":"10.244.0.11","port":2})"));
  EXPECT_EQ(one["remote"], Parsed::parse(R"({"namespace":"shop","pod":"b","service":"service-b",
                                           "address":"10.244.0.12","port":80})"));
  EXPECT_DOUBLE_EQ(one["rtt"]["smoothed_seconds"], 0.005);
  EXPECT_DOUBLE_EQ(one["rtt"]["minimum_seconds"], 0.004);
  EXPECT_EQ(one["rtt"]["samples"], 3);
  EXPECT_TRUE(one["local_rtt"].is_null()) << "no sample, no number";
  EXPECT_TRUE(one["handshake_rtt_seconds"].is_null());
  EXPECT_DOUBLE_EQ(one["age_seconds"], 10);
  EXPECT_EQ(one["sent"]["bytes"], 40);
}

/// Pod a's port 2 calls a service, 10.244.0.12:80, behind which 192.0.2.9:8080 answers the node's own
/// address.
TEST_F(FlowsJson, ARemoteBehindNatIsNamedBesideTheFlowsOwnEnds) {
  const auto endpoint = [](const char* address, uint16_t port) {
    return endpoint_of(*parse_address(address), port);
  };
  const Tuple original{endpoint("10.244.0.11", 2), endpoint("10.244.0.12", 80), IPPROTO_TCP};
  const Tuple reply{endpoint("192.0.2.9", 8080), endpoint("192.0.2.1", 40000), IPPROTO_TCP};
  translations_ = std::make_unique<TranslationTable>(std::vector<TranslatedConnection>{{original, reply}});
  const Parsed page = view({});
  EXPECT_EQ(page["translated_connections"], 1);
  ASSERT_EQ(page["flows"].size(), 3U);
  EXPECT_EQ(page["flows"][0]["remote"]["address"], "10.244.0.12") << "as the pod has it";
  EXPECT_EQ(page["flows"][0]["beyond_nat"], Parsed::parse(R"({
      "local": {"address": "192.0.2.1", "port": 40000},
      "remote": {"namespace": "", "pod": "", "service": "~public", "address": "192.0.2.9", "port": 8080}})"));
  EXPECT_TRUE(page["flows"][1]["beyond_nat"].is_null()) << "another port, another connection";
}

TEST_F(FlowsJson, WhereNatIsNotKnownThePageSaysSo) {
  const Parsed page = view({});
  EXPECT_TRUE(page["translated_connections"].is_null());
  EXPECT_TRUE(page["flows"][0]["beyond_nat"].is_null());
}

TEST_F(FlowsJson, RatesAreThoseOfTheLastInterval) {
  EXPECT_TRUE(view({})["flows"][0]["sent"]["bytes_per_second"].is_null()) << "none has ended";
  details_.interval = {85 * kSecond, 95 * kSecond};
  entries_[1].state.sent_interval.bytes = 500;  // since second 90
  entries_[2].state.received_interval.bytes = 500;
  entries_[0].state.first_ns = 96 * kSecond;
  const Parsed page = view({});
  EXPECT_EQ(page["interval_seconds"], 10);
  EXPECT_EQ(page["flows"][0]["sent"]["bytes_per_second"], 100);
  EXPECT_EQ(page["flows"][0]["received"]["bytes_per_second"], 0);
  EXPECT_TRUE(page["flows"][1]["sent"]["bytes_per_second"].is_null()) << "younger than the interval";
  EXPECT_EQ(page["flows"][2]["received"]["bytes_per_second"], 50);
}

TEST_F(FlowsJson, DropsHaveTheirDirectionAndReason) {
  details_.drops[drops_key(entries_[1].key, false)] = {
      .packets = 3, .last_ns = 95 * kSecond, .earlier = 0, .rested_ns = 0, .reason = "netfilter_drop"};
  const Parsed one = view({})["flows"][0];
  EXPECT_EQ(one["sent"]["drops"], 0);
  EXPECT_FALSE(one["sent"].contains("drop_reason"));
  EXPECT_EQ(one["received"]["drops"], 3);
  EXPECT_EQ(one["received"]["drop_reason"], "netfilter_drop");
}

TEST_F(FlowsJson, DropsOfAnEarlierConnectionWithTheSamePortsAreNotTheNewOnes) {
  DroppedPackets& drops = details_.drops[drops_key(entries_[1].key, true)];
  drops = {.packets = 3, .last_ns = 20 * kSecond, .earlier = 0, .rested_ns = 0, .reason = "netfilter_drop"};
  entries_[1].state.first_ns = 20 * kSecond;
  EXPECT_EQ(view({})["flows"][0]["sent"]["drops"], 3);
  entries_[1].state.first_ns = 30 * kSecond;
  EXPECT_EQ(view({})["flows"][0]["sent"]["drops"], 0);
  EXPECT_FALSE(view({})["flows"][0]["sent"].contains("drop_reason"));
  drops = {.packets = 5,
           .last_ns = 95 * kSecond,
           .earlier = 3,
           .rested_ns = 20 * kSecond,
           .reason = "netfilter_drop"};
  EXPECT_EQ(view({})["flows"][0]["sent"]["drops"], 2);
  entries_[1].state.first_ns = 10 * kSecond;
  EXPECT_EQ(view({})["flows"][0]["sent"]["drops"], 5);
}

TEST_F(FlowsJson, SlowFlowsAreThoseAboveTheirInterfacesThreshold) {
  FlowsRequest request;
  request.slow = true;
  EXPECT_EQ(ports(request), std::vector<int>()) << "no threshold";
  details_.thresholds[{0, 11}] = {
      .absolute_ns = 4'000'000, .floor_ns = 0, .relative_percent = 0, .min_samples = 2};
  EXPECT_EQ(ports(request), std::vector<int>{2}) << "12 has no threshold";
  EXPECT_EQ(view(request)["thresholds"], 1);
  details_.thresholds[{0, 11}].min_samples = 4;
  EXPECT_EQ(ports(request), std::vector<int>());
  details_.thresholds[{0, 12}] = {.absolute_ns = 0, .floor_ns = 1, .relative_percent = 200, .min_samples = 1};
  entries_[2].state.baseline_ns = 4'000'000;
  EXPECT_EQ(ports(request), std::vector<int>{3});
  details_.thresholds[{0, 12}].floor_ns = 9'000'000;
  EXPECT_EQ(ports(request), std::vector<int>());
}

TEST_F(FlowsJson, SortsByWhatItIsAskedFor) {
  FlowsRequest request;
  EXPECT_EQ(ports(request), (std::vector<int>{2, 1, 3}));
  request.order = FlowOrder::kRtt;
  EXPECT_EQ(ports(request), (std::vector<int>{3, 2, 1}));
  request.order = FlowOrder::kRetransmits;
  EXPECT_EQ(ports(request).front(), 1);
  request.order = FlowOrder::kAge;
  EXPECT_EQ(ports(request).front(), 3);
}

TEST_F(FlowsJson, FiltersByPodServiceContainerAndNamespace) {
  EXPECT_EQ(ports({.pod = "b"}), (std::vector<int>{3}));
  EXPECT_EQ(ports({.service = "service-a"}), (std::vector<int>{2, 1}));
  EXPECT_EQ(ports({.container = "sidecar"}).size(), 3U);
  EXPECT_EQ(ports({.pod = "a", .container = "server"}).size(), 2U);
  EXPECT_TRUE(ports({.container = "none"}).empty());
  EXPECT_TRUE(ports({.name_space = "other"}).empty());
  EXPECT_EQ(view({.pod = "b"})["matched"], 1);
}

TEST_F(FlowsJson, IsBoundedByTheLimit) {
  entries_.clear();
  for (int i = 0; i < 20'000; ++i) {
    entries_.push_back(
        flow(11, static_cast<uint16_t>(i), [&](flow_state& s) { s.sent.bytes = static_cast<uint64_t>(i); }));
  }
  FlowsRequest request;
  request.limit = FlowsRequest::kMostFlows;
  const Parsed page = view(request);
  EXPECT_EQ(page["flows"].size(), 1000U);
  EXPECT_EQ(page["matched"], 20'000);
  EXPECT_EQ(page["flows"][0]["local"]["port"], 19'999);
}

TEST_F(FlowsJson, NamesOfAnyBytesAreValidJson) {
  Container odd;
  odd.name = {"shop", "bad\xff\"name", "c", "s"};
  odd.network_namespace = 13;
  pods_.update({{odd}, {}, {}}, std::vector<FlowInterface>{{.index = 11, .network_namespace = 13}}, now_);
  EXPECT_EQ(view({})["flows"].size(), 3U);
}

}  // namespace
}  // namespace sonde::exporter
