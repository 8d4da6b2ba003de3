// What is counted agrees with what was sent, whatever finds no room.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <map>
#include <random>

#include "bpf/errors.h"
#include "tests/flows/support/flow_harness.h"

namespace sonde::test {
namespace {

using exporter::PairDelta;

/// The last 32 bits of an address, in host byte order.
uint32_t number_of(const flow_address& address) {
  const uint8_t* end = address.bytes + 12;
  return static_cast<uint32_t>(end[0]) << 24 | static_cast<uint32_t>(end[1]) << 16 |
         static_cast<uint32_t>(end[2]) << 8 | end[3];
}

constexpr uint32_t kFirstRemote = 0x0a010000;

TEST(FlowAccounts, FiftyThousandFlowsThroughATableOfAThousand) {
  constexpr uint32_t kFlows = 50'000;
  constexpr uint32_t kRemotes = 7;
  FlowHarness harness({.max_flows = 1024});
  std::mt19937 random(std::random_device{}());
  std::map<uint32_t, pair_traffic> expected;
  for (uint32_t i = 0; i < kFlows; ++i) {
    Segment segment{.remote = 1 + i % kRemotes,
                    .local_port = static_cast<uint16_t>(1024 + i % 60'000),
                    .remote_port = static_cast<uint16_t>(80 + i / 60'000),
                    .flags = kAck,
                    .payload = random() % 500 + 1};
    segment.sent = random() % 2 == 0;
    harness.see(segment);
    pair_traffic& traffic = expected[segment.remote];
    pair_direction& direction = segment.sent ? traffic.sent : traffic.received;
    direction.bytes += ip_bytes(segment);
    ++direction.packets;
  }
  harness.drain();
  ASSERT_EQ(harness.deltas().size(), kRemotes);
  for (const PairDelta& delta : harness.deltas()) {
    EXPECT_EQ(std::memcmp(&delta.traffic, &expected[number_of(delta.key.remote) - kFirstRemote],
                          sizeof(pair_traffic)),
              0);
  }
  const auto table = exporter::FlowTable(harness.programs()).counts();
  ASSERT_TRUE(table);
  EXPECT_EQ(table->made, kFlows);
  EXPECT_EQ(table->deleted, 0U);
  EXPECT_LE(table->present, 1024U);
  EXPECT_GT(table->present, 256U);
  EXPECT_EQ(table->evicted, kFlows - table->present);
}

TEST(FlowAccounts, ClosedConnectionsAreNotEvicted) {
  constexpr uint32_t kFlows = 5000;
  FlowHarness harness({.max_flows = 1024});
  for (uint32_t i = 0; i < kFlows; ++i) {
    Segment segment{.local_port = static_cast<uint16_t>(1024 + i), .flags = kSyn};
    harness.see(segment);
    segment.flags = kReset | kAck;
    harness.see(segment);
  }
  const auto table = exporter::FlowTable(harness.programs()).counts();
  ASSERT_TRUE(table);
  EXPECT_EQ(table->made, kFlows);
  EXPECT_EQ(table->deleted, kFlows);
  EXPECT_EQ(table->present, 0U);
  EXPECT_EQ(table->evicted, 0U);
}

TEST(FlowAccounts, AnInterfaceWithManyRemotesTakesHalfAndTheRestIsItsOther) {
  constexpr uint32_t kRoom = 16;
  constexpr uint32_t kRemotes = 23;
  FlowHarness harness({.max_pairs = kRoom});
  uint64_t bytes = 0;
  for (int round = 0; round < 3; ++round) {
    for (uint32_t remote = 1; remote <= kRemotes; ++remote) {
      const Segment segment{.remote = remote, .payload = 100};
      harness.see(segment);
      bytes += ip_bytes(segment);
    }
  }
  const PairDelta sum = harness.drain();
  EXPECT_EQ(sum.traffic.sent.bytes, bytes);
  EXPECT_EQ(harness.deltas().size(), kRoom / 2 + 1);
  EXPECT_EQ(harness.deltas().back().key.remote.words[3], 0U);
  EXPECT_EQ(harness.deltas().back().traffic.sent.packets, 3 * (kRemotes - kRoom / 2));
  EXPECT_EQ(harness.count(SONDE_PAIRS_OVERFLOWED), 3 * (kRemotes - kRoom / 2));
  EXPECT_EQ(harness.programs().errors()[SONDE_ERROR_MAP_FULL], 0U);
}

TEST(FlowAccounts, WhoHasNoAddressYetIsNoOverflow) {
  constexpr uint32_t kRoom = 16;
  FlowHarness harness({.max_pairs = kRoom});
  const Segment asking{.sent = false, .version = 6, .protocol = 58};
  std::string bytes = bytes_of(asking);
  bytes.replace(network_offset(asking) + 8, 16, 16, '\0');  // from "::"
  harness.run(bytes, false);
  for (uint32_t remote = 1; remote <= kRoom; ++remote) harness.see({.remote = remote, .protocol = 17});
  harness.drain();
  EXPECT_EQ(harness.count(SONDE_PAIRS_OVERFLOWED), kRoom - (kRoom / 2 - 1));
  EXPECT_EQ(harness.deltas().size(), kRoom / 2 + 1)
      << "half of the room, one of them without address, and the rest";
  EXPECT_EQ(std::ranges::count_if(harness.deltas(),
                                  [](const PairDelta& delta) {
                                    return delta.key.remote.words[2] == 0 && delta.key.remote.words[3] == 0;
                                  }),
            1)
      << "the rest alone is of nobody";
}

/// An interface's number is the loopback's in packets given by hand, so network namespaces stand for others.
class FlowShares : public testing::Test {
 protected:
  static constexpr uint32_t kRoom = 64;

  /// UDP to so many remotes from the interface of a space.
  void send(uint32_t space, uint32_t remotes) {
    for (uint32_t remote = 1; remote <= remotes; ++remote) {
      harness_.see({.remote = remote, .payload = 10, .protocol = 17}, space);
      ++sent_[space];
    }
  }
  /// Slots that the pairs of each space have, and packets of each, as counted by a drain.
  void drain() {
    harness_.drain();
    named_.clear();
    for (const PairDelta& delta : harness_.deltas()) {
      counted_[delta.key.space] += delta.traffic.sent.packets;
      if (number_of(delta.key.remote) != 0) ++named_[delta.key.space];
    }
  }

  FlowHarness harness_{{.max_pairs = kRoom}};
  std::map<uint32_t, uint64_t> sent_;
  std::map<uint32_t, uint64_t> counted_;
  std::map<uint32_t, uint32_t> named_;
};

TEST_F(FlowShares, WhoHasFoundNoRoomIsToldForAMinute) {
  send(0, 5000);
  send(1, 3);
  drain();
  const SteadyTime now = SteadyClock::now();
  EXPECT_EQ(harness_.pairs().overflowed(now), 1U);
  EXPECT_EQ(harness_.pairs().overflowed(now + std::chrono::minutes(1)), 0U);
  send(1, 5000);
  drain();
  EXPECT_EQ(harness_.pairs().overflowed(SteadyClock::now()), 2U);
}

TEST_F(FlowShares, WhoHasFewRemotesFindsRoomBesideOneThatHasThousands) {
  send(0, 5000);
  send(1, 7);
  drain();
  EXPECT_EQ(counted_, sent_);
  EXPECT_EQ(named_, (std::map<uint32_t, uint32_t>{{0, kRoom / 2}, {1, 7}}));
}

TEST_F(FlowShares, ThreeThatWantAllLeaveRoomForAFourth) {
  for (uint32_t space = 0; space < 3; ++space) send(space, 500);
  send(0, 500);
  send(3, 3);
  drain();
  EXPECT_EQ(counted_, sent_);
  EXPECT_EQ(named_[3], 3U);
}

TEST_F(FlowShares, WhatIsForgottenIsGivenBackToItsInterface) {
  for (int round = 0; round < 5; ++round) {
    send(0, kRoom);
    drain();
    EXPECT_EQ(named_[0], kRoom / 2);
    harness_.pairs().forget({.space = 0, .interface = 1});
    EXPECT_TRUE(harness_.pairs().is_pressed());
    harness_.retire();
    EXPECT_FALSE(harness_.pairs().is_pressed());
  }
  EXPECT_EQ(counted_, sent_);
}

TEST_F(FlowShares, AConnectionThatFoundNoRoomIsNamedOnceThereIsSome) {
  send(0, kRoom);
  harness_.see({.remote = 100, .payload = 10});
  drain();
  harness_.pairs().forget({.space = 0, .interface = 1});
  harness_.retire();
  send(0, 1);  // makes the interface known again
  for (int i = 0; i < 200; ++i) harness_.see({.remote = 100, .payload = 10});
  harness_.drain();
  uint64_t named = 0;
  for (const PairDelta& delta : harness_.deltas()) {
    if (number_of(delta.key.remote) == kFirstRemote + 100) named = delta.traffic.sent.packets;
  }
  EXPECT_GT(named, 100U);
}

TEST(FlowAccounts, IdlePairsGoSoonerWhereSlotsRunShort) {
  FlowHarness harness({.max_pairs = 16});
  exporter::PairTable pairs(harness.programs(), std::chrono::seconds(100));
  const auto make_room = [&pairs](int seconds) {
    const SteadyTime now{std::chrono::seconds(seconds)};
    EXPECT_TRUE(pairs.drain(now));
    EXPECT_EQ(pairs.retire(now).size(), 0U);
    EXPECT_TRUE(pairs.drain(now));
    return pairs.size();
  };
  for (uint32_t remote = 1; remote <= 4; ++remote) harness.see({.remote = remote, .payload = 10});
  EXPECT_EQ(make_room(0), 4U);
  EXPECT_EQ(make_room(20), 4U);
  for (uint32_t remote = 1; remote <= 8; ++remote) harness.see({.remote = remote, .payload = 10});
  EXPECT_EQ(make_room(21), 8U);
  EXPECT_EQ(make_room(30), 8U);
  EXPECT_EQ(make_room(32), 0U);
}

TEST(FlowAccounts, AFlowThatOutlivesItsPairsSlotCountsForItsOwnPairAgain) {
  FlowHarness harness({.max_pairs = 4});
  exporter::PairTable pairs(harness.programs(), std::chrono::seconds(10));
  const auto drain = [&pairs](int seconds) {
    const SteadyTime now{std::chrono::seconds(seconds)};
    auto deltas = pairs.drain(now);
    EXPECT_TRUE(deltas);
    EXPECT_EQ(pairs.retire(now).size(), 0U);
    return std::move(*deltas);
  };
  const auto see = [&harness](uint32_t remote) { harness.see({.remote = remote, .payload = 10}); };
  see(1);
  EXPECT_EQ(drain(0).size(), 1U);
  EXPECT_EQ(drain(11).size(), 0U);  // its slot is free now
  EXPECT_EQ(pairs.size(), 1U);      // as of before
  see(2);                           // takes it
  see(1);                           // the flow that remembers it
  see(2);
  const auto deltas = drain(12);
  ASSERT_EQ(deltas.size(), 2U);
  std::map<uint32_t, uint64_t> packets;
  for (const PairDelta& delta : deltas)
    packets[number_of(delta.key.remote) - kFirstRemote] = delta.traffic.sent.packets;
  EXPECT_EQ(packets, (std::map<uint32_t, uint64_t>{{1, 1}, {2, 2}}));
}

TEST(FlowAccounts, PairsOfAnInterfaceThatIsGoneTellTheirLastCountsAndGo) {
  FlowHarness harness;
  harness.see({.remote = 1, .payload = 10});
  harness.drain();
  harness.see({.remote = 1, .payload = 10});
  harness.pairs().forget({.space = 0, .interface = 1});
  EXPECT_EQ(harness.retire().traffic.sent.packets, 1U);
  harness.drain();
  EXPECT_EQ(harness.pairs().size(), 0U);
}

TEST(FlowAccounts, WhatIsCountedWhilePairsAreRetiredIsReadOnce) {
  FlowHarness harness;
  harness.see({.remote = 1, .payload = 10});
  harness.drain();
  harness.pairs().forget({.space = 0, .interface = 1});
  uint64_t packets = 0;
  const auto see_and_read = [&] {
    harness.see({.remote = 1, .payload = 10});  // the flow remembers its slot, or finds another
    packets += harness.drain().traffic.sent.packets;
    harness.see({.remote = 1, .payload = 10});
  };
  for (const PairDelta& last : harness.pairs().retire(SteadyClock::now(), see_and_read))
    packets += last.traffic.sent.packets;
  packets += harness.drain().traffic.sent.packets;
  EXPECT_EQ(packets, 4U);
}

TEST(FlowAccounts, AnIntervalHasWhatAFlowCarriedInIt) {
  FlowHarness harness;
  exporter::FlowTable table(harness.programs());
  const Segment sent{.payload = 1000};
  const Segment received{.sent = false, .payload = 10};
  harness.see(sent);
  ASSERT_TRUE(table.end_interval());
  const exporter::FlowInterval first = table.interval();
  harness.see(sent);
  harness.see(received);
  ASSERT_TRUE(table.end_interval());  // too early
  EXPECT_EQ(table.interval().end_ns, first.end_ns);
  EXPECT_EQ(harness.only_flow().sent_interval.bytes, ip_bytes(sent));
  ASSERT_TRUE(table.counts());  // ends none
  const timespec second{.tv_sec = 1, .tv_nsec = 0};
  ::nanosleep(&second, nullptr);
  ASSERT_TRUE(table.end_interval());
  EXPECT_EQ(table.interval().begin_ns, first.end_ns);
  const flow_state flow = harness.only_flow();
  EXPECT_EQ(flow.sent_interval.bytes, ip_bytes(sent));
  EXPECT_EQ(flow.received_interval.bytes, ip_bytes(received));
}

TEST(FlowAccounts, FlowsOfAnInterfaceThatIsGoneLeaveTheTable) {
  FlowHarness harness;
  harness.see({.payload = 10});
  harness.see({.payload = 10}, 7);
  harness.see({.local_port = 40001, .payload = 10}, 7);
  exporter::FlowTable table(harness.programs());
  table.forget({{7, 1}, {8, 1}});
  ASSERT_EQ(harness.flows().size(), 1U);
  EXPECT_EQ(harness.flows().front().key.space, 0U);
  const auto counts = table.counts();
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->present, 1U);
  EXPECT_EQ(counts->deleted, 2U);
  EXPECT_EQ(counts->evicted, 0U);
}

TEST(FlowAccounts, SlotsAreUsedAgainAndNothingOfTheirFormerPairIsLeft) {
  FlowHarness harness({.max_pairs = 8});
  exporter::PairTable pairs(harness.programs(), std::chrono::seconds(10));
  uint64_t packets = 0;
  for (int round = 0; round < 40; ++round) {
    harness.see({.remote = static_cast<uint32_t>(1 + round), .payload = 10});
    const SteadyTime now{std::chrono::seconds(round * 4)};
    const auto deltas = pairs.drain(now);
    ASSERT_TRUE(deltas);
    for (const PairDelta& delta : *deltas) packets += delta.traffic.sent.packets;
    for (const PairDelta& delta : pairs.retire(now)) packets += delta.traffic.sent.packets;
  }
  EXPECT_EQ(packets, 40U);
  EXPECT_EQ(harness.count(SONDE_PAIRS_OVERFLOWED), 0U);
}

TEST(FlowAccounts, AFlowIsTimedOnceInItsInterval) {
  FlowHarness harness({.probe_interval = std::chrono::hours(1)}, true);
  harness.see({.flags = kSyn, .sequence = 99});
  harness.see({.sent = false, .flags = kSyn | kAck, .acknowledgement = 100});
  for (uint32_t next = 100; next < 200; next += 10) {
    harness.see({.sequence = next, .payload = 10});
    harness.see({.sent = false, .acknowledgement = next + 10});
  }
  const PairDelta sum = harness.drain();
  EXPECT_EQ(count_of(sum.samples.handshake), 1U);
  EXPECT_EQ(count_of(sum.samples.rtt), 1U);
}

TEST(FlowAccounts, NetworkNamespacesAreToldApartInTheSameMaps) {
  FlowHarness harness;
  harness.see({.payload = 10});
  harness.see({.payload = 10}, 7);
  harness.see({.payload = 10}, 7);
  harness.drain();
  std::map<uint32_t, uint64_t> packets;
  for (const PairDelta& delta : harness.deltas()) packets[delta.key.space] += delta.traffic.sent.packets;
  EXPECT_EQ(packets, (std::map<uint32_t, uint64_t>{{0, 1}, {7, 2}}));
  EXPECT_EQ(harness.flows().size(), 2U);
  harness.programs().forget(7);
  harness.see({.payload = 10}, 7);
  EXPECT_EQ(harness.flows().size(), 2U);
}

}  // namespace
}  // namespace sonde::test
