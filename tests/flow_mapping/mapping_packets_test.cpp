// What the mapping's programs make of packets: tunnels, headers in the way, what makes no sense.
#include <netinet/in.h>

#include <random>

#include "tests/flow_mapping/mapping_run.h"

namespace sonde::exporter {
namespace {

using packets::Bytes;
using packets::ethernet;
using packets::geneve;
using packets::hop_by_hop;
using packets::ipv4;
using packets::ipv6;
using packets::tcp;
using packets::udp;
using packets::vlan;
using packets::vxlan;

constexpr const char* kPod = "10.1.0.2";
constexpr const char* kFarPod = "10.2.0.3";
constexpr const char* kNode = "192.0.2.1";
constexpr const char* kFarNode = "192.0.2.2";
constexpr uint16_t kTaggedFrame = 0x8100;
constexpr uint16_t kEthernetInGeneve = 0x6558;

/// A segment of 100 bytes from the pod to the far one.
Bytes inner() {
  return ipv4(kPod, kFarPod, IPPROTO_TCP, tcp(40000, 80, {.payload = 100}));
}
constexpr uint64_t kInnerBytes = 140;
const std::string kInnerEnds = "10.1.0.2:40000 > 10.2.0.3:80";

Bytes between_nodes(const Bytes& payload, uint16_t port, uint16_t source_port = 55555) {
  return ethernet(ipv4(kNode, kFarNode, IPPROTO_UDP, udp(source_port, port, payload)));
}

Bytes in_vxlan(const Bytes& packet, uint32_t vni = 42, uint16_t source_port = 55555) {
  return between_nodes(vxlan(vni, ethernet(packet)), 4789, source_port);
}

class MappingPackets : public MappingRun {
 protected:
  void SetUp() override { load(); }

  void expect_tunnel(enum mapping_tunnel tunnel, const std::string& expected_ends = kInnerEnds) {
    const auto [key, state] = only();
    EXPECT_EQ(key.tunnel, tunnel);
    EXPECT_EQ(ends(key), expected_ends);
    EXPECT_EQ(count(SONDE_MAPPING_TUNNEL, tunnel), 1U);
  }
  void expect_no_tunnel() {
    for (const auto& [key, state] : mappings()) EXPECT_EQ(key.tunnel, SONDE_TUNNEL_NONE);
    EXPECT_EQ(count(SONDE_MAPPING_TUNNEL, SONDE_TUNNEL_NONE), 1U);
  }
};

TEST_F(MappingPackets, VxlanNamesInnerFlowOuterHeaderAndVni) {
  send(in_vxlan(inner()));
  const auto [key, state] = only();
  EXPECT_EQ(key.tunnel, SONDE_TUNNEL_VXLAN);
  EXPECT_EQ(key.vni, 42U);
  EXPECT_EQ(key.protocol, IPPROTO_TCP);
  EXPECT_EQ(ends(key), kInnerEnds);
  EXPECT_EQ(outer(state.sent), "192.0.2.1 > 192.0.2.2 55555:4789");
  EXPECT_EQ(state.sent.traffic.bytes, kInnerBytes);
  EXPECT_EQ(state.sent.traffic.packets, 1U);
  EXPECT_EQ(state.received.traffic.packets, 0U);
}

TEST_F(MappingPackets, TheTwoDirectionsAreOneMapping) {
  send(in_vxlan(inner()));
  receive(ethernet(
      ipv4(kFarNode, kNode, IPPROTO_UDP,
           udp(44444, 4789, vxlan(42, ethernet(ipv4(kFarPod, kPod, IPPROTO_TCP, tcp(80, 40000, {}))))))));
  const auto [key, state] = only();
  EXPECT_EQ(ends(key), kInnerEnds);
  EXPECT_EQ(outer(state.sent), "192.0.2.1 > 192.0.2.2 55555:4789");
  EXPECT_EQ(outer(state.received), "192.0.2.1 > 192.0.2.2 44444:4789");
  EXPECT_EQ(state.received.traffic.bytes, 40U);
}

TEST_F(MappingPackets, UdpToAnotherPortIsNoVxlan) {
  send(between_nodes(vxlan(42, ethernet(inner())), 4790));
  expect_no_tunnel();
}

TEST_F(MappingPackets, ThePortOfVxlanIsAFlags) {
  load({.vxlan_port = 8472, .user_space_tunnels = true});
  send(between_nodes(vxlan(7, ethernet(inner())), 8472));
  expect_tunnel(SONDE_TUNNEL_VXLAN);
}

TEST_F(MappingPackets, VxlanWithoutVniIsPlainUdp) {
  send(between_nodes(vxlan(42, ethernet(inner()), 0), 4789));
  expect_no_tunnel();
}

TEST_F(MappingPackets, Ipv6InsideVxlan) {
  send(in_vxlan(ipv6("fd01::2", "fd02::3", IPPROTO_TCP, tcp(40000, 80, {.payload = 7}))));
  expect_tunnel(SONDE_TUNNEL_VXLAN, "fd01::2:40000 > fd02::3:80");
  EXPECT_EQ(only().second.sent.traffic.bytes, 67U);
}

TEST_F(MappingPackets, VxlanOverIpv6) {
  send(ethernet(ipv6("fd00::1", "fd00::2", IPPROTO_UDP, udp(50000, 4789, vxlan(42, ethernet(inner()))))));
  expect_tunnel(SONDE_TUNNEL_VXLAN);
  EXPECT_EQ(outer(only().second.sent), "fd00::1 > fd00::2 50000:4789");
}

TEST_F(MappingPackets, ATagOfTheInnerFrameIsSkipped) {
  send(between_nodes(vxlan(42, ethernet(vlan(5, 0x0800, inner()), kTaggedFrame)), 4789));
  expect_tunnel(SONDE_TUNNEL_VXLAN);
}

TEST_F(MappingPackets, ATagOfTheOuterFrameIsSkipped) {
  const Bytes outer_packet = ipv4(kNode, kFarNode, IPPROTO_UDP, udp(1, 4789, vxlan(42, ethernet(inner()))));
  send(ethernet(vlan(5, 0x0800, outer_packet), kTaggedFrame));
  expect_tunnel(SONDE_TUNNEL_VXLAN);
}

TEST_F(MappingPackets, OptionsOfTheInnerAndTheOuterHeaderAreSkipped) {
  const Bytes inside = ipv4(kPod, kFarPod, IPPROTO_TCP, tcp(40000, 80, {.payload = 100}), 8);
  send(ethernet(ipv4(kNode, kFarNode, IPPROTO_UDP, udp(1, 4789, vxlan(42, ethernet(inside))), 12)));
  expect_tunnel(SONDE_TUNNEL_VXLAN);
}

TEST_F(MappingPackets, ExtensionHeadersInsideAreSkipped) {
  send(in_vxlan(ipv6("fd01::2", "fd02::3", IPPROTO_HOPOPTS, hop_by_hop(IPPROTO_UDP, udp(5, 6, {1, 2})))));
  expect_tunnel(SONDE_TUNNEL_VXLAN, "fd01::2:5 > fd02::3:6");
}

TEST_F(MappingPackets, ProtocolsWithoutPortsHaveNone) {
  send(in_vxlan(ipv4(kPod, kFarPod, IPPROTO_ICMP, {8, 0, 0, 0, 0, 1, 0, 1})));
  expect_tunnel(SONDE_TUNNEL_VXLAN, "10.1.0.2:0 > 10.2.0.3:0");
  EXPECT_EQ(only().first.protocol, IPPROTO_ICMP);
}

TEST_F(MappingPackets, AnInnerFragmentIsCountedAndNotMapped) {
  send(in_vxlan(ipv4(kPod, kFarPod, IPPROTO_TCP, tcp(1, 2, {}), 0, 0x2000)));
  EXPECT_TRUE(mappings().empty());
  EXPECT_EQ(count(SONDE_MAPPING_INNER_MALFORMED), 1U);
}

TEST_F(MappingPackets, InnerArpIsCountedAndNotMapped) {
  send(between_nodes(vxlan(42, ethernet(Bytes(28), 0x0806)), 4789));
  EXPECT_TRUE(mappings().empty());
  EXPECT_EQ(count(SONDE_MAPPING_INNER_OTHER), 1U);
}

TEST_F(MappingPackets, OptionsOfGeneveAreSkipped) {
  for (const size_t options : {size_t{0}, size_t{4}, size_t{64}, size_t{252}}) {
    load();
    send(between_nodes(geneve(9, kEthernetInGeneve, ethernet(inner()), options), 6081));
    expect_tunnel(SONDE_TUNNEL_GENEVE);
    EXPECT_EQ(only().first.vni, 9U);
  }
}

TEST_F(MappingPackets, GeneveMayCarryIpWithoutEthernet) {
  send(between_nodes(geneve(9, 0x0800, inner(), 8), 6081));
  expect_tunnel(SONDE_TUNNEL_GENEVE);
}

TEST_F(MappingPackets, GeneveOfAnotherVersionIsPlainUdp) {
  send(between_nodes(geneve(9, kEthernetInGeneve, ethernet(inner()), 0, 1), 6081));
  expect_no_tunnel();
}

TEST_F(MappingPackets, OptionsOfGeneveBeyondThePacketAreMalformed) {
  Bytes header = geneve(9, kEthernetInGeneve, {});
  header[0] = 0x3f;
  send(between_nodes(header, 6081));
  EXPECT_TRUE(mappings().empty());
  EXPECT_EQ(count(SONDE_MAPPING_INNER_MALFORMED), 1U);
}

TEST_F(MappingPackets, IpInIp) {
  send(ethernet(ipv4(kNode, kFarNode, IPPROTO_IPIP, inner())));
  expect_tunnel(SONDE_TUNNEL_IPIP);
  EXPECT_EQ(outer(only().second.sent), "192.0.2.1 > 192.0.2.2 0:0");
}

TEST_F(MappingPackets, Ipv6InIp) {
  send(ethernet(ipv4(kNode, kFarNode, IPPROTO_IPV6, ipv6("fd01::2", "fd02::3", IPPROTO_TCP, tcp(1, 2, {})))));
  expect_tunnel(SONDE_TUNNEL_IPIP, "fd01::2:1 > fd02::3:2");
}

TEST_F(MappingPackets, AnInnerPacketLongerThanWhatCarriesItIsMalformed) {
  Bytes inside = inner();
  inside[2] = 0xff;
  send(in_vxlan(inside));
  EXPECT_TRUE(mappings().empty());
  EXPECT_EQ(count(SONDE_MAPPING_INNER_MALFORMED), 1U);
}

TEST_F(MappingPackets, AnInnerTcpHeaderThatContradictsItselfIsMalformed) {
  for (const uint8_t length : {uint8_t{0x00}, uint8_t{0x40}, uint8_t{0xf0}}) {
    load();
    Bytes segment = tcp(1, 2, {});
    segment[12] = length;
    send(in_vxlan(ipv4(kPod, kFarPod, IPPROTO_TCP, segment)));
    EXPECT_TRUE(mappings().empty());
    EXPECT_EQ(count(SONDE_MAPPING_INNER_MALFORMED), 1U);
  }
}

TEST_F(MappingPackets, APacketCutAnywhereIsNeverMapped) {
  for (const Bytes& whole :
       {in_vxlan(inner()), between_nodes(geneve(9, kEthernetInGeneve, ethernet(inner()), 16), 6081),
        ethernet(ipv4(kNode, kFarNode, IPPROTO_IPIP, inner()))}) {
    for (size_t length = 14; length < whole.size(); ++length) {
      send(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)));
      ASSERT_TRUE(mappings().empty()) << length;
    }
  }
}

TEST_F(MappingPackets, TwoVirtualNetworksWithTheSameAddressesStayApart) {
  send(in_vxlan(inner(), 42));
  send(in_vxlan(inner(), 43));
  EXPECT_EQ(mappings().size(), 2U);
  EXPECT_EQ(paths().size(), 2U);
}

TEST_F(MappingPackets, PodsThatShareOuterAddressAndPortStayApart) {
  send(in_vxlan(ipv4("10.1.0.2", kFarPod, IPPROTO_TCP, tcp(40000, 80, {})), 42, 50000));
  send(in_vxlan(ipv4("10.1.0.4", kFarPod, IPPROTO_TCP, tcp(40000, 80, {})), 42, 50000));
  EXPECT_EQ(mappings().size(), 2U);
  for (const auto& [key, state] : mappings()) {
    EXPECT_EQ(outer(state.sent), "192.0.2.1 > 192.0.2.2 50000:4789");
  }
}

TEST_F(MappingPackets, AnotherOuterHeaderOfTheSameFlowIsTakenOverAndCounted) {
  send(in_vxlan(inner(), 42, 50000));
  send(in_vxlan(inner(), 42, 50000));
  send(in_vxlan(inner(), 42, 50001));
  EXPECT_EQ(outer(only().second.sent), "192.0.2.1 > 192.0.2.2 50001:4789");
  EXPECT_EQ(only().second.sent.changes, 1U);
}

TEST_F(MappingPackets, APlainFlowHasAPathOnceItsNodeHasSent) {
  receive(ethernet(ipv4(kFarNode, kNode, IPPROTO_TCP, tcp(5000, 443, {}))));
  EXPECT_EQ(only().first.tunnel, SONDE_TUNNEL_NONE);
  EXPECT_TRUE(paths().empty());
  send(ethernet(ipv4(kNode, kFarNode, IPPROTO_TCP, tcp(443, 5000, {}))));
  ASSERT_EQ(paths().size(), 1U);
  EXPECT_EQ(paths()[0].first.tunnel, SONDE_TUNNEL_NONE);
  EXPECT_EQ(paths()[0].second.flows, 1U);
}

TEST_F(MappingPackets, WhatIsNotIpIsCountedByReason) {
  send(ethernet(Bytes(46), 0x0806));
  EXPECT_EQ(count(SONDE_MAPPING_PARSED, SONDE_PARSE_NOT_IP), 1U);
  EXPECT_TRUE(mappings().empty());
}

TEST_F(MappingPackets, FlowsBeyondTheTableAreEvictedAndCounted) {
  load({.user_space_tunnels = true, .max_flows = 1024});
  constexpr uint32_t kFlows = 5000;
  for (uint32_t i = 0; i < kFlows; ++i) {
    send(in_vxlan(ipv4(kPod, kFarPod, IPPROTO_TCP, tcp(static_cast<uint16_t>(10000 + i), 80, {}))));
  }
  EXPECT_EQ(count(SONDE_MAPPINGS_MADE), kFlows);
  EXPECT_EQ(count(SONDE_MAPPINGS_NOT_MADE), 0U);
  EXPECT_LE(mappings().size(), 1024U);
  ASSERT_EQ(paths().size(), 1U);
  EXPECT_EQ(paths()[0].second.flows, kFlows);
}

TEST_F(MappingPackets, PathsBeyondTheirMapAreCounted) {
  load({.user_space_tunnels = true, .max_paths = 64});
  for (int i = 0; i < 100; ++i) {
    send(in_vxlan(ipv4("10.1.0." + std::to_string(i), kFarPod, IPPROTO_UDP, udp(1, 2, {}))));
  }
  EXPECT_EQ(mappings().size(), 100U);
  EXPECT_EQ(paths().size(), 64U);
  EXPECT_EQ(count(SONDE_PATHS_FULL), 36U);
}

TEST_F(MappingPackets, RandomBytesAreNeverARoundTripTime) {
  std::mt19937 random(20261128);
  std::uniform_int_distribution<unsigned> byte(0, 255);
  std::uniform_int_distribution<size_t> length(0, 120);
  for (int i = 0; i < 6000; ++i) {
    Bytes noise(length(random));
    for (uint8_t& one : noise) one = static_cast<uint8_t>(byte(random));
    if (!noise.empty() && i % 2 == 0) noise[0] = 0x45;
    const Bytes packet = i % 3 == 0   ? between_nodes(vxlan(1, noise), 4789)
                         : i % 3 == 1 ? between_nodes(noise, 6081)
                                      : ethernet(ipv4(kNode, kFarNode, IPPROTO_IPIP, noise));
    i % 5 < 3 ? send(packet) : receive(packet);
  }
  for (const auto& [key, state] : paths()) {
    for (const uint64_t samples : state.rtt.buckets) EXPECT_EQ(samples, 0U);
    for (const uint64_t samples : state.local_rtt.buckets) EXPECT_EQ(samples, 0U);
  }
  EXPECT_GT(count(SONDE_MAPPING_INNER_MALFORMED) + count(SONDE_MAPPING_INNER_OTHER), 1000U);
}

}  // namespace
}  // namespace sonde::exporter
