#include "exporter/flows/mapping/mapping_page.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/flow_mapping/endpoints.h"

namespace sonde::exporter {
namespace {

using nlohmann::json;

constexpr uint64_t kNow = 5'000'000'000;

flow_address address(const std::string& text) {
  flow_address made{};
  std::memcpy(made.bytes, end(text, 0).address.data(), sizeof made.bytes);
  return made;
}

/// A TCP flow of port 40000 to port 80 in VXLAN.
std::pair<mapping_key, mapping_state> flow(const std::string& local, const std::string& remote,
                                           uint64_t bytes, const std::string& outer = "192.0.2.2") {
  mapping_key key{};
  key.local = address(local);
  key.remote = address(remote);
  key.local_port = 40000;
  key.remote_port = 80;
  key.protocol = IPPROTO_TCP;
  key.tunnel = SONDE_TUNNEL_VXLAN;
  key.vni = 42;
  mapping_state state{};
  state.sent.outer.local = address("192.0.2.1");
  state.sent.outer.remote = address(outer);
  state.sent.outer.source_port = 50000;
  state.sent.outer.destination_port = 4789;
  state.sent.traffic.packets = 1;
  state.sent.traffic.bytes = bytes;
  state.sent.traffic.last_ns = kNow - 1'500'000'000;
  return {key, state};
}

MappingNames names() {
  auto pods = std::make_shared<PodAddresses>();
  for (const auto& [text, pod] : {std::pair{"10.1.0.2", "api-1"}, {"10.1.0.3", "api-2"}}) {
    pods->add(
        address(text),
        std::make_shared<AddressedPod>(AddressedPod{
            .name = {.name_space = "shop", .pod = pod, .container = "", .service = "api"}, .labels = {}}));
  }
  return {.pods = pods, .interfaces = {}};
}

json page(const MappingPrograms::Mappings& mappings, const http::Request& request = {},
          const TranslationTable& translations = {}) {
  const auto query = parse_mapping_query(request);
  EXPECT_TRUE(query);
  return json::parse(mapping_page(mappings, translations, names(), *query, kNow));
}

http::Request asked(const std::string& name, const std::string& value) {
  http::Request request;
  request.parameters.emplace(name, value);
  return request;
}

TEST(MappingPage, TellsPodInnerFlowAndOuterHeader) {
  const json one = page({flow("10.1.0.2", "10.2.0.3", 100)}).at("flows").at(0);
  EXPECT_EQ(one.at("tunnel"), "vxlan");
  EXPECT_EQ(one.at("vni"), 42);
  EXPECT_EQ(one.at("protocol"), "tcp");
  EXPECT_EQ(one.at("local").at("pod"), "api-1");
  EXPECT_EQ(one.at("local").at("port"), 40000);
  EXPECT_EQ(one.at("remote").at("address"), "10.2.0.3");
  EXPECT_EQ(one.at("sent").at("outer").at("remote_address"), "192.0.2.2");
  EXPECT_EQ(one.at("sent").at("outer").at("source_port"), 50000);
  EXPECT_EQ(one.at("sent").at("idle_seconds"), 1.5);
  EXPECT_EQ(one.at("received").at("packets"), 0);
}

TEST(MappingPage, ListsTheMostBytesFirstUpToTheLimit) {
  const MappingPrograms::Mappings three{flow("10.1.0.2", "10.2.0.3", 1), flow("10.1.0.2", "10.2.0.4", 3),
                                        flow("10.1.0.3", "10.2.0.3", 2)};
  const json answer = page(three, asked("limit", "2"));
  EXPECT_EQ(answer.at("flows_present"), 3);
  EXPECT_EQ(answer.at("flows_matching"), 3);
  ASSERT_EQ(answer.at("flows").size(), 2U);
  EXPECT_EQ(answer.at("flows").at(0).at("sent").at("bytes"), 3);
  EXPECT_EQ(answer.at("flows").at(1).at("sent").at("bytes"), 2);
}

TEST(MappingPage, FiltersByPodAddressOuterAndTunnel) {
  const MappingPrograms::Mappings two{flow("10.1.0.2", "10.2.0.3", 1),
                                      flow("10.1.0.3", "10.2.0.4", 2, "192.0.2.3")};
  EXPECT_EQ(page(two, asked("pod", "api-1")).at("flows_matching"), 1);
  EXPECT_EQ(page(two, asked("namespace", "shop")).at("flows_matching"), 2);
  EXPECT_EQ(page(two, asked("namespace", "other")).at("flows_matching"), 0);
  EXPECT_EQ(page(two, asked("address", "10.2.0.4")).at("flows").at(0).at("local").at("pod"), "api-2");
  EXPECT_EQ(page(two, asked("outer", "192.0.2.3")).at("flows").at(0).at("local").at("pod"), "api-2");
  EXPECT_EQ(page(two, asked("tunnel", "vxlan")).at("flows_matching"), 2);
  EXPECT_EQ(page(two, asked("tunnel", "geneve")).at("flows_matching"), 0);
}

TEST(MappingPage, TellsTheServicesAddressThatThePodCalled) {
  const TranslationTable translations(
      std::vector<TranslatedConnection>{{{end("10.1.0.2", 40000), end("10.96.0.10", 8080), IPPROTO_TCP},
                                         {end("10.2.0.3", 80), end("10.1.0.2", 40000), IPPROTO_TCP},
                                         0}});
  const json one = page({flow("10.1.0.2", "10.2.0.3", 1)}, {}, translations).at("flows").at(0);
  EXPECT_EQ(one.at("at_container").at("remote").at("address"), "10.96.0.10");
  EXPECT_EQ(one.at("at_container").at("remote").at("port"), 8080);
  EXPECT_EQ(one.at("at_container").at("local").at("pod"), "api-1");
  EXPECT_EQ(one.at("tunnel"), "vxlan");
}

TEST(MappingPage, NamesThePodBehindTheNodesAddress) {
  auto masqueraded = flow("192.0.2.1", "198.51.100.9", 1);
  masqueraded.first.tunnel = SONDE_TUNNEL_NONE;
  masqueraded.second.translated = 1;
  masqueraded.second.inside_local = address("10.1.0.3");
  masqueraded.second.inside_local_port = 33333;
  masqueraded.second.inside_remote = address("198.51.100.9");
  masqueraded.second.inside_remote_port = 80;
  const json one = page({masqueraded}, asked("address", "10.1.0.3")).at("flows").at(0);
  EXPECT_EQ(one.at("tunnel"), "nat");
  EXPECT_EQ(one.at("at_container").at("local").at("pod"), "api-2");
  EXPECT_EQ(one.at("at_container").at("local").at("port"), 33333);
  EXPECT_FALSE(one.at("local").contains("pod"));
}

TEST(MappingPage, AWrongParameterIsOneLineWithTheRemedy) {
  for (const auto& [name, value, remedy] : {std::tuple{"limit", "0", "1 to 10000"},
                                            {"limit", "10001", "1 to 10000"},
                                            {"limit", "x", "1 to 10000"},
                                            {"sort", "size", "bytes, rtt or last"},
                                            {"address", "10.1.0", "an IPv4 or IPv6 address"},
                                            {"tunnel", "gre", "vxlan"},
                                            {"container", "x", "no such parameter"}}) {
    const auto query = parse_mapping_query(asked(name, value));
    ASSERT_FALSE(query) << name;
    EXPECT_NE(query.error().message.find(remedy), std::string::npos) << query.error().message;
    EXPECT_EQ(query.error().message.find('\n'), std::string::npos);
  }
}

TEST(PodAddresses, AnAddressOfTwoPodsIsNobodys) {
  PodAddresses pods;
  const auto one = std::make_shared<const AddressedPod>();
  const auto other = std::make_shared<const AddressedPod>();
  pods.add(address("10.1.0.2"), one);
  pods.add(address("10.1.0.2"), one);
  EXPECT_EQ(pods.find(address("10.1.0.2")), one.get());
  pods.add(address("10.1.0.2"), other);
  EXPECT_EQ(pods.find(address("10.1.0.2")), nullptr);
}

TEST(MappingPage, AConnectionThatIsOverIsToldAsClosed) {
  auto one = flow("10.1.0.2", "10.2.0.9", 1);
  const auto closed = [&](uint32_t finished) {
    one.second.finished = finished;
    return page({one})["flows"][0]["closed"].get<bool>();
  };
  EXPECT_FALSE(closed(0));
  EXPECT_FALSE(closed(SONDE_FINISHED_LOCAL));
  EXPECT_TRUE(closed(SONDE_FINISHED_LOCAL | SONDE_FINISHED_REMOTE));
  EXPECT_TRUE(closed(SONDE_FINISHED_RESET));
}

}  // namespace
}  // namespace sonde::exporter
