#include "exporter/flows/peer_table.h"

#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

flow_address at(const char* text) {
  return *parse_address(text);
}

Container container(const std::string& pod, uint64_t network_namespace, bool listed = true) {
  Container one;
  one.name = {"shop", pod, "server", pod.substr(0, pod.find('-'))};
  one.network_namespace = network_namespace;
  one.listed = listed;
  return one;
}

PeerTable table(const std::vector<Container>& containers, const std::vector<ContainerAddresses>& addresses,
                const std::vector<FlowInterface>& interfaces = {}) {
  NamedNetworks networks;
  EXPECT_TRUE(networks.add("services=10.96.0.0/12,pods=10.244.0.0/16"));
  PeerTable peers(networks);
  peers.update({containers, {}, {}}, interfaces, addresses);
  return peers;
}

TEST(PeerTable, APodOfThisNodeIsKnownByItsAddresses) {
  const PeerTable peers = table({container("cart-1", 11), container("api-1", 12)},
                                {{11, {at("10.244.0.5"), at("fd00::5")}}, {12, {at("10.244.0.6")}}});
  EXPECT_EQ(peers.find(at("10.244.0.5"), 0), (PeerName{"shop", "cart-1", "cart"}));
  EXPECT_EQ(peers.find(at("fd00::5"), 0), (PeerName{"shop", "cart-1", "cart"}));
  EXPECT_EQ(peers.find(at("10.244.0.6"), 0), (PeerName{"shop", "api-1", "api"}));
}

TEST(PeerTable, OthersAreNamedByTheirNetworkOrTheirClass) {
  const PeerTable peers = table({}, {});
  EXPECT_EQ(peers.find(at("10.244.9.9"), 0), (PeerName{"", "", "pods"}));
  EXPECT_EQ(peers.find(at("10.96.0.1"), 0), (PeerName{"", "", "services"}));
  EXPECT_EQ(peers.find(at("10.1.1.1"), 0), (PeerName{"", "", "~private"}));
  EXPECT_EQ(peers.find(at("9.9.9.9"), 0), (PeerName{"", "", "~public"}));
  EXPECT_EQ(peers.find(flow_address{}, 0), other_peers()) << "what the kernel had no room for";
}

TEST(PeerTable, AnAddressThatTwoNamespacesHaveIsNoPods) {
  const PeerTable peers = table({container("a-1", 11), container("b-1", 12)},
                                {{11, {at("10.244.0.5")}}, {12, {at("10.244.0.5")}}});
  EXPECT_EQ(peers.find(at("10.244.0.5"), 0), (PeerName{"", "", "pods"}));
}

TEST(PeerTable, APodOfTheSameNetworkIsMeantBeforeOthersWithItsAddress) {
  const PeerTable peers = table(
      {container("a-1", 11), container("b-1", 12)}, {{11, {at("10.244.0.5")}}, {12, {at("10.244.0.5")}}},
      {{.space = 1, .index = 7, .network_namespace = 11}, {.space = 2, .index = 7, .network_namespace = 12}});
  EXPECT_EQ(peers.find(at("10.244.0.5"), 1).pod, "a-1");
  EXPECT_EQ(peers.find(at("10.244.0.5"), 2).pod, "b-1");
  EXPECT_EQ(peers.find(at("10.244.0.5"), 0), (PeerName{"", "", "pods"}));
}

TEST(PeerTable, AddressesOfALinkAloneNameNobody) {
  const PeerTable peers = table({container("a-1", 11)}, {{11, {at("fe80::1"), at("127.0.0.1")}}});
  EXPECT_EQ(peers.find(at("fe80::1"), 0), (PeerName{"", "", "~link_local"}));
  EXPECT_EQ(peers.find(at("127.0.0.1"), 0), (PeerName{"", "", "~loopback"}));
}

TEST(PeerTable, APodWithoutRowsOfItsOwnIsOneOfTheOthers) {
  const PeerTable peers = table({container("a-1", 11, false)}, {{11, {at("10.244.0.5")}}});
  EXPECT_EQ(peers.find(at("10.244.0.5"), 0), other_peers());
}

TEST(PeerTable, AnAddressThatWasGivenToAnotherPodIsThatOnes) {
  PeerTable peers = table({container("a-1", 11)}, {{11, {at("10.244.0.5")}}});
  peers.update({{container("b-1", 12)}, {}, {}}, {},
               std::vector<ContainerAddresses>{{12, {at("10.244.0.5")}}});
  EXPECT_EQ(peers.find(at("10.244.0.5"), 0).pod, "b-1");
}

}  // namespace
}  // namespace sonde::exporter
