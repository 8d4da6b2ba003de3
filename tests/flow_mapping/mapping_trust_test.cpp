// Which packets are believed to be a tunnel's, and how little those that are not can do.
#include <netinet/in.h>

#include <algorithm>

#include "tests/flow_mapping/mapping_run.h"

namespace sonde::exporter {
namespace {

namespace make = packets;
using make::Bytes;

constexpr const char* kOwn = "192.0.2.1";
constexpr const char* kFar = "192.0.2.2";

Bytes forged(const std::string& from = "10.1.0.2", const std::string& to = "10.2.0.3") {
  return make::ipv4(from, to, IPPROTO_TCP, make::tcp(40000, 80, {.payload = 100}));
}

Bytes vxlan_between(const std::string& from, const std::string& to, const Bytes& packet) {
  return make::ethernet(
      make::ipv4(from, to, IPPROTO_UDP, make::udp(50000, 4789, make::vxlan(42, make::ethernet(packet)))));
}

class MappingTrust : public MappingRun {
 protected:
  void SetUp() override { load(); }

  size_t tunnelled_mappings() const {
    const auto all = mappings();
    return static_cast<size_t>(
        std::ranges::count_if(all, [](const auto& one) { return one.first.tunnel != 0; }));
  }
  size_t tunnel_paths() const {
    const auto all = paths();
    return static_cast<size_t>(
        std::ranges::count_if(all, [](const auto& one) { return !is_plain(one.first.tunnel); }));
  }
};

TEST_F(MappingTrust, WhatASocketSendsIsNoTunnelsPacketWhateverItSays) {
  load({});
  send(vxlan_between(kOwn, kFar, forged()));
  send(make::ethernet(
      make::ipv4(kOwn, kFar, IPPROTO_UDP, make::udp(50000, 6081, make::geneve(9, 0x0800, forged())))));
  send(make::ethernet(make::ipv4(kOwn, kFar, IPPROTO_IPIP, forged())));
  EXPECT_EQ(tunnelled_mappings(), 0U);
  EXPECT_EQ(tunnel_paths(), 0U);
  EXPECT_EQ(count(SONDE_MAPPING_FOREIGN), 3U);
  EXPECT_EQ(mappings().size(), 2U) << "the two UDP flows that they are";
}

TEST_F(MappingTrust, ATunnelFromAnotherAddressThanTheNodesIsNone) {
  send(vxlan_between("192.0.2.77", kFar, forged()));
  EXPECT_EQ(tunnelled_mappings(), 0U);
  EXPECT_EQ(tunnel_paths(), 0U);
  EXPECT_EQ(count(SONDE_MAPPING_FOREIGN), 1U);
}

TEST_F(MappingTrust, AnAddressThatTheNodeNoLongerHasIsForeign) {
  ASSERT_TRUE(programs().set_own_address(*parse_address(kOwn), false));
  send(vxlan_between(kOwn, kFar, forged()));
  EXPECT_EQ(tunnelled_mappings(), 0U);
}

TEST_F(MappingTrust, ReceivedPacketsMakeNoMappingAndNoPath) {
  for (int i = 0; i < 10; ++i) {
    receive(vxlan_between(kFar, kOwn, forged("10.2.0." + std::to_string(i), "10.1.0.2")));
  }
  EXPECT_TRUE(mappings().empty());
  EXPECT_TRUE(paths().empty());
  EXPECT_EQ(count(SONDE_MAPPING_UNASKED), 10U);
}

TEST_F(MappingTrust, ReceivedPacketsForOthersAreNoTunnelsOfThisNode) {
  send(vxlan_between(kOwn, kFar, forged()));
  receive(vxlan_between(kFar, "192.0.2.77",
                        make::ipv4("10.2.0.3", "10.1.0.2", IPPROTO_TCP, make::tcp(80, 40000, {}))));
  for (const auto& [key, state] : mappings()) {
    if (key.tunnel != SONDE_TUNNEL_NONE) {
      EXPECT_EQ(state.received.traffic.packets, 0U);
    }
  }
  EXPECT_EQ(count(SONDE_MAPPING_FOREIGN), 1U);
}

TEST_F(MappingTrust, APathIsByWhatTheNodeSendsWhateverComesBack) {
  send(vxlan_between(kOwn, kFar, forged()));
  for (int i = 3; i < 50; ++i) {
    // Sequence numbers go on, so that each acknowledges what was sent meanwhile.
    receive(vxlan_between(
        "192.0.2." + std::to_string(i), kOwn,
        make::ipv4("10.2.0.3", "10.1.0.2", IPPROTO_TCP, make::tcp(80, 40000, {.acknowledgement = 1100}))));
  }
  ASSERT_EQ(paths().size(), 1U);
  EXPECT_EQ(address_text(paths()[0].first.outer_remote), kFar);
}

TEST_F(MappingTrust, PlainRemotesBeyondTheirMapLeaveTunnelsAlone) {
  load({.user_space_tunnels = true, .max_paths = 64});
  constexpr uint32_t kRemotes = 2000;
  send(vxlan_between(kOwn, kFar, forged()));
  for (uint32_t i = 0; i < kRemotes; ++i) {
    const std::string remote = "198.18." + std::to_string(i / 250) + '.' + std::to_string(i % 250);
    send(make::ethernet(make::ipv4(kOwn, remote, IPPROTO_UDP, make::udp(1, 2, {}))));
  }
  EXPECT_EQ(tunnel_paths(), 1U);
  EXPECT_LE(paths().size(), 1U + 64U);
  EXPECT_EQ(count(SONDE_PLAIN_PATHS_MADE), kRemotes);
  // And there is room for more of them.
  send(vxlan_between(kOwn, kFar, forged("10.1.0.3")));
  EXPECT_EQ(tunnel_paths(), 2U);
  EXPECT_EQ(count(SONDE_PATHS_FULL), 0U);
  for (const auto& [key, state] : paths()) {
    if (!is_plain(key.tunnel)) {
      EXPECT_TRUE(programs().take_path(key));
    }
  }
  EXPECT_EQ(tunnel_paths(), 0U);
}

}  // namespace
}  // namespace sonde::exporter
