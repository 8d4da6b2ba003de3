#include <gtest/gtest.h>

#include <ctime>

#include "tests/flows/support/flow_harness.h"

namespace sonde::test {
namespace {

constexpr uint32_t kOurs = 1000;    ///< the container's first sequence number
constexpr uint32_t kTheirs = 5000;  ///< the remote's

/// Bounds of a time that the programs measure between two packets, from clocks read around them.
struct Bounds {
  uint64_t least;
  uint64_t most;
};

void expect_within(uint64_t time, const Bounds& bounds) {
  EXPECT_GE(time + 4, bounds.least);  // the two lowest bits of a start are marks
  EXPECT_LE(time, bounds.most + 4);
}

/// Each case with IPv4 and IPv6.
class FlowPackets : public testing::TestWithParam<int> {
 protected:
  Segment ours(uint32_t sequence, uint8_t flags, size_t payload = 0,
               uint32_t acknowledgement = kTheirs) const {
    Segment segment;
    segment.version = GetParam();
    segment.flags = flags;
    segment.sequence = sequence;
    segment.acknowledgement = acknowledgement;
    segment.payload = payload;
    return segment;
  }
  Segment theirs(uint32_t sequence, uint8_t flags, uint32_t acknowledgement, size_t payload = 0) const {
    Segment segment = ours(sequence, flags, payload, acknowledgement);
    segment.sent = false;
    return segment;
  }

  /// Shows the two with some milliseconds between them.
  Bounds see_apart(const Segment& first, const Segment& second) {
    const uint64_t before_first = clock_ns();
    harness_.see(first);
    const uint64_t after_first = clock_ns();
    const timespec pause{.tv_sec = 0, .tv_nsec = 3'000'000};
    ::nanosleep(&pause, nullptr);
    const uint64_t before_second = clock_ns();
    harness_.see(second);
    return {before_second - after_first, clock_ns() - before_first};
  }

  /// A connection that the container opens, its next numbers kOurs + 1 and kTheirs + 1; its counts taken.
  void connect(uint32_t our_first = kOurs) {
    harness_.see(ours(our_first, kSyn, 0, 0));
    harness_.see(theirs(kTheirs, kSyn | kAck, our_first + 1));
    harness_.see(ours(our_first + 1, kAck, 0, kTheirs + 1));
    harness_.drain();
  }

  FlowHarness harness_;
};

TEST_P(FlowPackets, AHandshakeOfTheContainersIsTimedApart) {
  const Bounds bounds = see_apart(ours(kOurs, kSyn, 0, 0), theirs(kTheirs, kSyn | kAck, kOurs + 1));
  harness_.see(ours(kOurs + 1, kAck, 0, kTheirs + 1));
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples), 1U);
  EXPECT_EQ(count_of(sum.samples.handshake), 1U);
  expect_within(sum.samples.handshake.sum_ns, bounds);
  const flow_state flow = harness_.only_flow();
  EXPECT_EQ(flow.handshake_ns, sum.samples.handshake.sum_ns);
  EXPECT_EQ(flow.role, SONDE_ROLE_CLIENT);
  EXPECT_EQ(flow.rtt.count, 0U);
}

TEST_P(FlowPackets, AHandshakeOfTheRemotesIsTimedFromTheContainersAnswer) {
  harness_.see(theirs(kTheirs, kSyn, 0));
  const Bounds bounds =
      see_apart(ours(kOurs, kSyn | kAck, 0, kTheirs + 1), theirs(kTheirs + 1, kAck, kOurs + 1));
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples), 1U);
  expect_within(sum.samples.handshake.sum_ns, bounds);
  EXPECT_EQ(harness_.only_flow().role, SONDE_ROLE_SERVER);
}

TEST_P(FlowPackets, DataIsTimedUntilItsAckTowardsTheRemote) {
  connect();
  const Bounds bounds =
      see_apart(ours(kOurs + 1, kAck | kPush, 100, kTheirs + 1), theirs(kTheirs + 1, kAck, kOurs + 101));
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples), 1U);
  EXPECT_EQ(count_of(sum.samples.rtt), 1U);
  expect_within(sum.samples.rtt.sum_ns, bounds);
  const flow_state flow = harness_.only_flow();
  EXPECT_EQ(exporter::smoothed_ns(flow.rtt), sum.samples.rtt.sum_ns);
  EXPECT_EQ(flow.rtt.minimum, sum.samples.rtt.sum_ns);
}

TEST_P(FlowPackets, DataIsTimedUntilItsAckTowardsTheContainer) {
  connect();
  const Bounds bounds =
      see_apart(theirs(kTheirs + 1, kAck | kPush, kOurs + 1, 100), ours(kOurs + 1, kAck, 0, kTheirs + 101));
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples), 1U);
  expect_within(sum.samples.local_rtt.sum_ns, bounds);
}

TEST_P(FlowPackets, OneProbeIsOutstandingAtATime) {
  connect();
  for (uint32_t i = 0; i < 10; ++i) harness_.see(ours(kOurs + 1 + 100 * i, kAck, 100, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 1001));
  EXPECT_EQ(count_of(harness_.drain().samples), 1U);
}

TEST_P(FlowPackets, AnAckBelowTheProbeOrOfWhatWasNeverSentIsNoSample) {
  connect();
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 100));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 102));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 1 + (1U << 30)));
  harness_.see(theirs(kTheirs + 1, 0, kOurs + 101));  // without the flag
  EXPECT_EQ(count_of(harness_.drain().samples), 0U);
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 101));
  EXPECT_EQ(count_of(harness_.drain().samples), 1U);
}

TEST_P(FlowPackets, ASegmentOutOfAnyWindowChangesNothing) {
  connect();
  const flow_state before = harness_.only_flow();
  constexpr uint32_t kFar = (1U << 30) + 1;
  for (const uint32_t far : {kOurs + 1 + kFar, kOurs + 1 - kFar, kOurs + 1 + (1U << 31)}) {
    harness_.see(ours(far, kAck | kPush, 100, kTheirs + 1));
    harness_.see(ours(far, kAck | kFin, 0, kTheirs + 1));
    harness_.see(theirs(kTheirs + 1, kAck, far + 100));
  }
  const flow_state after = harness_.only_flow();
  EXPECT_EQ(after.sent.end, before.sent.end);
  EXPECT_EQ(after.sent_probe.word, before.sent_probe.word);
  EXPECT_EQ(after.finished, 0U);
  const auto sum = harness_.drain();
  EXPECT_EQ(sum.traffic.sent.packets, 6U);
  EXPECT_EQ(sum.traffic.sent.retransmitted, 0U);
  EXPECT_EQ(count_of(sum.samples), 0U);
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 101));
  EXPECT_EQ(count_of(harness_.drain().samples.rtt), 1U);
}

TEST_P(FlowPackets, AnAckOfWhatWasNeverSentEndsNoRecovery) {
  connect();
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));  // again: a hole is open
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 5000));
  harness_.see(ours(kOurs + 101, kAck, 100, kTheirs + 1));  // its ACK waits for the hole
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 201));
  EXPECT_EQ(count_of(harness_.drain().samples), 0U);
}

TEST_P(FlowPackets, TheClientOfAnOpenConnectionIsToldByPortsOnlyWhereOneIsEphemeral) {
  struct Case {
    uint16_t local;
    uint16_t remote;
    uint32_t role;
  };
  for (const auto& [local, remote, role] : {Case{40000, 80, SONDE_ROLE_CLIENT},
                                            {32768, 32767, SONDE_ROLE_CLIENT},
                                            {5432, 50000, SONDE_ROLE_SERVER},
                                            {50000, 40000, SONDE_ROLE_UNKNOWN},
                                            {8080, 5432, SONDE_ROLE_UNKNOWN},
                                            {40000, 40000, SONDE_ROLE_UNKNOWN}}) {
    Segment segment = ours(kOurs, kAck, 100);
    segment.local_port = local;
    segment.remote_port = remote;
    harness_.see(segment);
    EXPECT_EQ(harness_.only_flow().role, role) << local << ' ' << remote;
    segment.flags = kReset;
    harness_.see(segment);
  }
}

TEST_P(FlowPackets, WhatWasSentAgainIsNoSample) {
  connect();
  Segment data = ours(kOurs + 1, kAck, 100, kTheirs + 1);
  harness_.see(data);
  data.segments = 3;
  harness_.see(data);
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 101));
  auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples), 0U);
  EXPECT_EQ(sum.traffic.sent.retransmitted, 3U);
  EXPECT_EQ(harness_.only_flow().sent.retransmitted, 3U);
  // What comes after it is one.
  harness_.see(ours(kOurs + 101, kAck, 100, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 201));
  EXPECT_EQ(count_of(harness_.drain().samples.rtt), 1U);
}

TEST_P(FlowPackets, AHoleBeforeTheProbeSpoilsItAndWhatFollowsUntilItIsFilled) {
  connect();
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 101));
  EXPECT_EQ(count_of(harness_.drain().samples), 1U);
  harness_.see(ours(kOurs + 101, kAck, 100, kTheirs + 1));  // the probe
  harness_.see(ours(kOurs + 201, kAck, 100, kTheirs + 1));
  harness_.see(ours(kOurs + 151, kAck, 100, kTheirs + 1));  // half of each again
  harness_.see(ours(kOurs + 301, kAck, 100, kTheirs + 1));  // new, but its ACK waits for the hole
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 401));
  EXPECT_EQ(count_of(harness_.drain().samples), 0U);
  harness_.see(ours(kOurs + 401, kAck, 100, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 501));
  EXPECT_EQ(count_of(harness_.drain().samples), 1U);
}

TEST_P(FlowPackets, ASynSentAgainIsNoSample) {
  harness_.see(ours(kOurs, kSyn, 0, 0));
  harness_.see(ours(kOurs, kSyn, 0, 0));
  harness_.see(theirs(kTheirs, kSyn | kAck, kOurs + 1));
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples), 0U);
  EXPECT_EQ(sum.traffic.sent.retransmitted, 1U);
}

TEST_P(FlowPackets, AConnectionThatIsOldIsTimedFromItsFirstAckOn) {
  // Its first packets may be things sent again.
  harness_.see(ours(kOurs, kAck, 100));
  harness_.see(ours(kOurs + 100, kAck, 100));
  harness_.see(theirs(kTheirs, kAck, kOurs + 200));
  EXPECT_EQ(count_of(harness_.drain().samples), 0U);
  harness_.see(ours(kOurs + 200, kAck, 100));
  harness_.see(theirs(kTheirs, kAck, kOurs + 300));
  EXPECT_EQ(count_of(harness_.drain().samples.rtt), 1U);
}

TEST_P(FlowPackets, SequenceNumbersWrapAround) {
  const uint32_t first = UINT32_MAX - 150;
  connect(first);
  for (uint32_t i = 0; i < 4; ++i) {  // below, across, at and above 2^32
    harness_.see(ours(first + 1 + 100 * i, kAck, 100, kTheirs + 1));
    harness_.see(theirs(kTheirs + 1, kAck, first + 101 + 100 * i));
  }
  auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples.rtt), 4U);
  EXPECT_EQ(sum.traffic.sent.retransmitted, 0U);
  harness_.see(ours(first + 101, kAck, 100, kTheirs + 1));
  sum = harness_.drain();
  EXPECT_EQ(sum.traffic.sent.retransmitted, 1U);
}

TEST_P(FlowPackets, ARequestIsTimedFromItsLastByteToTheFirstOfTheResponse) {
  connect();
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));
  const timespec pause{.tv_sec = 0, .tv_nsec = 2'000'000};
  ::nanosleep(&pause, nullptr);
  const Bounds bounds = see_apart(ours(kOurs + 101, kAck | kPush, 100, kTheirs + 1),
                                  theirs(kTheirs + 1, kAck, kOurs + 201, 100));
  harness_.see(theirs(kTheirs + 101, kAck | kPush, kOurs + 201, 100));  // more of the response
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples.request_client), 1U);
  EXPECT_EQ(count_of(sum.samples.request_server), 0U);
  expect_within(sum.samples.request_client.sum_ns, bounds);
  EXPECT_EQ(harness_.only_flow().request.last, sum.samples.request_client.sum_ns);
  // The container's thinking before its next request is nobody's latency.
  harness_.see(ours(kOurs + 201, kAck | kPush, 100, kTheirs + 201));
  const auto after = harness_.drain();
  EXPECT_EQ(count_of(after.samples.request_client) + count_of(after.samples.request_server), 0U);
}

TEST_P(FlowPackets, ARequestOfTheRemotesIsTimedTheSame) {
  harness_.see(theirs(kTheirs, kSyn, 0));
  harness_.see(ours(kOurs, kSyn | kAck, 0, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 1));
  harness_.drain();
  const Bounds bounds = see_apart(theirs(kTheirs + 1, kAck | kPush, kOurs + 1, 100),
                                  ours(kOurs + 1, kAck | kPush, 100, kTheirs + 101));
  const auto sum = harness_.drain();
  EXPECT_EQ(count_of(sum.samples.request_server), 1U);
  EXPECT_EQ(count_of(sum.samples.request_client), 0U);
  expect_within(sum.samples.request_server.sum_ns, bounds);
}

TEST_P(FlowPackets, BothFinsAcknowledgedOrAResetEndAFlow) {
  connect();
  harness_.see(ours(kOurs + 1, kAck | kFin, 0, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck, kOurs + 2));
  EXPECT_EQ(harness_.flows().size(), 1U);
  harness_.see(theirs(kTheirs + 1, kAck | kPush, kOurs + 2, 100));
  harness_.see(theirs(kTheirs + 101, kAck | kFin, kOurs + 2));
  harness_.see(ours(kOurs + 2, kAck, 0, kTheirs + 1));
  harness_.see(theirs(kTheirs + 1, kAck | kPush, kOurs + 2, 100));
  EXPECT_EQ(harness_.flows().size(), 1U) << "the last data are still under way";
  EXPECT_EQ(harness_.drain().traffic.received.retransmitted, 1U);
  harness_.see(ours(kOurs + 2, kAck, 0, kTheirs + 102));
  EXPECT_EQ(harness_.flows().size(), 0U);
  harness_.see(theirs(kTheirs + 101, kAck | kFin, kOurs + 2));
  EXPECT_EQ(harness_.flows().size(), 0U);
  connect();
  harness_.see(theirs(kTheirs + 1, kReset | kAck, kOurs + 1));
  EXPECT_EQ(harness_.flows().size(), 0U);
  EXPECT_EQ(harness_.count(SONDE_FLOWS_MADE), 2U);
  EXPECT_EQ(harness_.count(SONDE_FLOWS_DELETED), 2U);
}

TEST_P(FlowPackets, ANewConnectionWithTheSamePortsIsAnotherFlow) {
  connect();
  harness_.see(ours(kOurs + 1, kAck, 100, kTheirs + 1));
  connect(kOurs + 70000);
  EXPECT_EQ(harness_.only_flow().sent.packets, 2U);
  EXPECT_EQ(harness_.count(SONDE_FLOWS_MADE), 2U);
  EXPECT_EQ(harness_.count(SONDE_FLOWS_DELETED), 1U);
  EXPECT_EQ(count_of(harness_.drain().samples.rtt), 0U);
}

TEST_P(FlowPackets, BytesOfIpAndPacketsAreCountedBothWays) {
  connect();
  Segment sent = ours(kOurs + 1, kAck, 123, kTheirs + 1);
  sent.tcp_options = 12;
  Segment received = theirs(kTheirs + 1, kAck, kOurs + 124);
  received.padding = 6;  // a short frame's, none of the packet's
  harness_.see(sent);
  harness_.see(received);
  const auto sum = harness_.drain();
  EXPECT_EQ(sum.traffic.sent.bytes, ip_bytes(sent));
  EXPECT_EQ(sum.traffic.sent.packets, 1U);
  EXPECT_EQ(sum.traffic.received.bytes, ip_bytes(received));
  EXPECT_EQ(sum.traffic.received.packets, 1U);
  EXPECT_EQ(harness_.only_flow().received.end, 1ULL << 32 | (kTheirs + 1));
}

TEST_P(FlowPackets, OtherProtocolsCountAsTrafficOfThePairAlone) {
  uint64_t bytes = 0;
  for (const uint8_t protocol : {uint8_t{17}, uint8_t{132}, uint8_t{58}}) {
    Segment packet = ours(0, 0, 64);
    packet.protocol = protocol;
    harness_.see(packet);
    bytes += ip_bytes(packet);
  }
  const auto sum = harness_.drain();
  EXPECT_EQ(harness_.deltas().size(), 1U);
  EXPECT_EQ(sum.traffic.sent.bytes, bytes);
  EXPECT_EQ(count_of(sum.samples), 0U);
  EXPECT_EQ(harness_.flows().size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Ip, FlowPackets, testing::Values(4, 6),
                         [](const auto& version) { return "V" + std::to_string(version.param); });

}  // namespace
}  // namespace sonde::test
