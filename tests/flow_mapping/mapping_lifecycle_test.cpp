// Where one connection ends and the next one with the same addresses and ports begins.
#include "tests/flow_mapping/vxlan_connection.h"

namespace sonde::exporter {
namespace {

class MappingLifecycle : public VxlanConnection {
 protected:
  /// The pod connects; its first byte is `sequence`, the remote's `remote`. 100 bytes are sent and
  /// acknowledged.
  void connect_and_talk(uint32_t sequence, uint32_t remote) {
    pod_sends(sequence - 1, 0, 0, kSyn);
    remote_sends(remote - 1, 0, sequence, kSyn | kAck);
    pod_sends(sequence, 0, remote);
    pod_sends(sequence, 100, remote);
    remote_sends(remote, 0, sequence + 100);
  }
  mapping_state state() const { return only().second; }
  /// Of all connections.
  uint64_t path_samples() const {
    uint64_t sum = 0;
    for (const auto& [key, path] : paths()) {
      for (const uint64_t samples : path.rtt.buckets) sum += samples;
    }
    return sum;
  }
};

TEST_F(MappingLifecycle, ASecondConnectionWithTheSamePortsIsTimedAsTheFirst) {
  connect_and_talk(900'000, 1);
  connect_and_talk(1000, 1);  // to the first one's numbers this were all sent before
  EXPECT_EQ(state().rtt.count, 1U) << "of the second alone";
  EXPECT_EQ(path_samples(), 2U);
  EXPECT_EQ(state().sent.traffic.retransmitted, 0U);
  EXPECT_EQ(state().sent.traffic.packets, 3U);
  ASSERT_EQ(paths().size(), 1U);
  EXPECT_EQ(paths()[0].second.flows, 2U);
  EXPECT_EQ(count(SONDE_MAPPINGS_MADE), 1U);
}

TEST_F(MappingLifecycle, WhatTheFirstConnectionHadStaysItsPaths) {
  connect_and_talk(900'000, 1);
  const uint64_t first = state().sent.traffic.bytes + state().received.traffic.bytes;
  pod_sends(999, 0, 0, kSyn);
  EXPECT_EQ(paths().at(0).second.bytes, first + state().sent.traffic.bytes);
}

TEST_F(MappingLifecycle, ASecondConnectionFromTheOtherSideIsTimedToo) {
  connect_and_talk(900'000, 1);
  remote_sends(4999, 0, 0, kSyn);
  pod_sends(1999, 0, 5000, kSyn | kAck);
  remote_sends(5000, 0, 2000);
  pod_sends(2000, 50, 5000);
  remote_sends(5000, 0, 2050);
  EXPECT_EQ(state().rtt.count, 1U);
  EXPECT_EQ(path_samples(), 2U);
}

TEST_F(MappingLifecycle, ASynFromAfarThatNobodyAnswersChangesNothing) {
  connect_and_talk(900'000, 1);
  for (const uint32_t made_up : {2U, 5000U, 0x7000'0000U}) remote_sends(made_up, 0, 0, kSyn);
  pod_sends(900'100, 50, 1);
  remote_sends(1, 200, 900'150);
  pod_sends(900'150, 0, 201);
  EXPECT_EQ(state().rtt.count, 2U) << "the connection goes on";
  EXPECT_EQ(state().local_rtt.count, 1U);
  EXPECT_EQ(state().received.traffic.retransmitted, 0U);
  EXPECT_EQ(paths().at(0).second.flows, 1U);
}

TEST_F(MappingLifecycle, TheSameSynAgainBeginsNothing) {
  pod_sends(999, 0, 0, kSyn);
  pod_sends(999, 0, 0, kSyn);
  EXPECT_EQ(state().sent.traffic.packets, 2U);
  EXPECT_EQ(state().sent.traffic.retransmitted, 1U);
  EXPECT_EQ(paths().at(0).second.flows, 1U);
}

TEST_F(MappingLifecycle, WhatAShortConnectionHadIsItsPathsAtItsEnd) {
  connect_and_talk(1000, 1);
  pod_sends(1100, 500, 1);
  remote_sends(1, 700, 1600);
  remote_sends(701, 0, 1600, kFin | kAck);
  EXPECT_EQ(paths().at(0).second.bytes, state().sent.traffic.bytes + state().received.traffic.bytes);
}

TEST_F(MappingLifecycle, EachSegmentOfABufferThatIsSentAgainCounts) {
  connect_and_talk(1000, 1);
  pod_sends(1100, 300, 1, kAck, 3);
  pod_sends(1100, 300, 1, kAck, 3);
  EXPECT_EQ(state().sent.traffic.retransmitted, 3U);
}

TEST_F(MappingLifecycle, OfAConnectionFromAfarTheFirstDataAreTimed) {
  remote_sends(4999, 0, 0, kSyn);  // makes no mapping: nothing was sent yet
  EXPECT_TRUE(mappings().empty());
  pod_sends(1999, 0, 5000, kSyn | kAck);
  remote_sends(5000, 0, 2000);
  remote_sends(5000, 200, 2000);
  pod_sends(2000, 0, 5200);
  EXPECT_EQ(state().local_rtt.count, 1U);
  remote_sends(4999, 0, 0, kSyn);  // a copy that was late
  EXPECT_EQ(state().local_rtt.count, 1U);
}

TEST_F(MappingLifecycle, NumbersOutOfAnyWindowChangeNothing) {
  connect_and_talk(1000, 1);
  remote_sends(0x7000'0000, 100, 1100);  // made up by somebody
  remote_sends(0x7000'0000, 0, 1100, kReset);
  EXPECT_EQ(state().finished, 0U);
  remote_sends(1, 200, 1100);
  pod_sends(1100, 0, 201);
  EXPECT_EQ(state().local_rtt.count, 1U);
}

TEST_F(MappingLifecycle, AConnectionIsOverAfterBothFinsOrOneReset) {
  connect_and_talk(1000, 1);
  EXPECT_EQ(state().finished, 0U);
  pod_sends(1100, 0, 1, kFin | kAck);
  EXPECT_EQ(state().finished, uint32_t{SONDE_FINISHED_LOCAL});
  remote_sends(1, 0, 1101, kFin | kAck);
  EXPECT_EQ(state().finished, uint32_t{SONDE_FINISHED_LOCAL | SONDE_FINISHED_REMOTE});
  connect_and_talk(5'000'000, 7000);
  EXPECT_EQ(state().finished, 0U);
  remote_sends(7000, 0, 0, kReset);
  EXPECT_EQ(state().finished, uint32_t{SONDE_FINISHED_RESET});
}

}  // namespace
}  // namespace sonde::exporter
