// Which packets are timed at the underlay, and which must not be.
#include <numeric>

#include "tests/flow_mapping/vxlan_connection.h"

namespace sonde::exporter {
namespace {

class MappingRtt : public VxlanConnection {
 protected:
  /// The pod's first byte is number 1000, the remote's 1.
  void connect() {
    pod_sends(999, 0, 0, kSyn);
    remote_sends(0, 0, 1000, kSyn | kAck);
    pod_sends(1000, 0, 1);
  }

  static uint64_t samples(const latency_histogram& histogram) {
    return std::accumulate(std::begin(histogram.buckets), std::end(histogram.buckets), uint64_t{0});
  }
  uint64_t rtt_samples() {
    const auto all = paths();
    EXPECT_EQ(all.size(), 1U);
    const uint64_t count = samples(all.at(0).second.rtt);
    EXPECT_EQ(only().second.rtt.count, count);
    return count;
  }
  uint64_t local_rtt_samples() {
    const uint64_t count = samples(paths().at(0).second.local_rtt);
    EXPECT_EQ(only().second.local_rtt.count, count);
    return count;
  }
};

TEST_F(MappingRtt, DataAndItsAcknowledgementAreOneSample) {
  connect();
  pod_sends(1000, 100);
  remote_sends(1, 0, 1100);
  EXPECT_EQ(rtt_samples(), 1U);
  EXPECT_EQ(local_rtt_samples(), 0U);
  const flow_times times = only().second.rtt;
  EXPECT_GT(times.minimum, 0U);
  EXPECT_EQ(paths().at(0).second.rtt.sum_ns, times.minimum);
  EXPECT_EQ(times.smoothed_8, 8 * times.minimum);
}

TEST_F(MappingRtt, AnAcknowledgementOfLessIsNone) {
  connect();
  pod_sends(1000, 100);
  remote_sends(1, 0, 1099);
  EXPECT_EQ(rtt_samples(), 0U);
  remote_sends(1, 0, 1100);
  EXPECT_EQ(rtt_samples(), 1U);
}

TEST_F(MappingRtt, TheSameAcknowledgementAgainIsNone) {
  connect();
  pod_sends(1000, 100);
  remote_sends(1, 0, 1100);
  remote_sends(1, 0, 1100);
  EXPECT_EQ(rtt_samples(), 1U);
}

TEST_F(MappingRtt, TheRemotesDataTimeThisHost) {
  connect();
  remote_sends(1, 200, 1000);
  pod_sends(1000, 0, 201);
  EXPECT_EQ(local_rtt_samples(), 1U);
  EXPECT_EQ(rtt_samples(), 0U);
}

TEST_F(MappingRtt, AHandshakeIsNone) {
  connect();
  EXPECT_EQ(rtt_samples(), 0U);
  EXPECT_EQ(local_rtt_samples(), 0U);
}

TEST_F(MappingRtt, WhatWasSentTwiceIsNotTimed) {
  connect();
  pod_sends(1000, 100);
  pod_sends(1000, 100);
  remote_sends(1, 0, 1100);
  EXPECT_EQ(rtt_samples(), 0U);
}

TEST_F(MappingRtt, WhatIsSentWhileAHoleIsFilledIsNotTimedEither) {
  connect();
  pod_sends(1000, 100);
  pod_sends(1100, 100);
  pod_sends(1000, 100);  // again
  pod_sends(1200, 100);  // new, but its ACK waits for the hole
  remote_sends(1, 0, 1150);
  remote_sends(1, 0, 1300);
  EXPECT_EQ(rtt_samples(), 0U);
  pod_sends(1300, 100);
  remote_sends(1, 0, 1400);
  EXPECT_EQ(rtt_samples(), 1U);
}

TEST_F(MappingRtt, SequenceNumbersMayGoRound) {
  pod_sends(0xffffffbf, 0, 0, kSyn);
  pod_sends(0xffffffc0, 128);
  remote_sends(1, 0, 0x3f);
  EXPECT_EQ(rtt_samples(), 0U);
  remote_sends(1, 0, 0x40);
  EXPECT_EQ(rtt_samples(), 1U);
  pod_sends(0x40, 10);
  remote_sends(1, 0, 0x4a);
  EXPECT_EQ(rtt_samples(), 2U);
}

TEST_F(MappingRtt, OfAConnectionThatWasThereBeforeTheFirstDataAreNotTimed) {
  pod_sends(1000, 100);  // perhaps again
  remote_sends(1, 0, 1100);
  EXPECT_EQ(rtt_samples(), 0U);
  pod_sends(1100, 100);
  remote_sends(1, 0, 1200);
  EXPECT_EQ(rtt_samples(), 1U);
}

TEST_F(MappingRtt, AnAcknowledgementOfWhatWasNeverSentIsNone) {
  connect();
  pod_sends(1000, 100);
  remote_sends(1, 0, 1101);
  EXPECT_EQ(rtt_samples(), 0U);
}

TEST_F(MappingRtt, OneProbeAtATime) {
  connect();
  pod_sends(1000, 100);
  pod_sends(1100, 100);
  remote_sends(1, 0, 1200);
  EXPECT_EQ(rtt_samples(), 1U);
}

}  // namespace
}  // namespace sonde::exporter
