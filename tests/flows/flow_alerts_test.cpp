// The trigger: which flows it tells of, and how often.
#include "exporter/flows/flow_alerts.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/flows/support/flow_harness.h"

namespace sonde::test {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
/// The interface that packets have which are given to a program by hand: the loopback's.
constexpr flow_interface_key kInterface{.space = 0, .interface = 1};

void pause_for(uint64_t ns) {
  const timespec pause{.tv_sec = 0, .tv_nsec = static_cast<long>(ns)};
  ::nanosleep(&pause, nullptr);
}

class FlowAlertsTest : public testing::Test {
 protected:
  explicit FlowAlertsTest(
      const exporter::FlowProgramOptions& options = {.alert_interval = std::chrono::milliseconds(0)})
      : harness_(options), alerts_(*exporter::FlowAlerts::open(harness_.programs())) {}

  void set(const flow_threshold& threshold) {
    ASSERT_TRUE(harness_.programs().set_threshold(kInterface, threshold));
  }

  /// A connection from that port, as far as its handshake.
  void connect(uint16_t port = 40000) {
    harness_.see({.local_port = port, .flags = kSyn, .sequence = 99});
    harness_.see(
        {.sent = false, .local_port = port, .flags = kSyn | kAck, .sequence = 4, .acknowledgement = 100});
    next_ = 100;
  }

  /// One sample of about that RTT, and the pause before which a flow is not looked at again.
  void sample(uint64_t rtt_ns, uint16_t port = 40000) {
    pause_for(SONDE_JUDGE_INTERVAL_NS);
    harness_.see({.local_port = port, .sequence = next_, .payload = 10});
    pause_for(rtt_ns);
    next_ += 10;
    harness_.see({.sent = false, .local_port = port, .sequence = 5, .acknowledgement = next_});
  }

  std::vector<flow_alert> received() {
    std::vector<flow_alert> all;
    EXPECT_TRUE(alerts_->poll([&all](const flow_alert& alert) { all.push_back(alert); }));
    return all;
  }

  FlowHarness harness_;
  std::unique_ptr<exporter::FlowAlerts> alerts_;
  uint32_t next_ = 0;
};

TEST_F(FlowAlertsTest, NoThresholdNoAlert) {
  connect();
  sample(3 * kMillisecond);
  EXPECT_TRUE(received().empty());
}

TEST_F(FlowAlertsTest, AboveTheAbsoluteThresholdThereIsOne) {
  set({.absolute_ns = 2 * kMillisecond, .floor_ns = 0, .relative_percent = 0, .min_samples = 2});
  connect();
  sample(3 * kMillisecond);
  EXPECT_TRUE(received().empty()) << "one sample is too few";
  sample(3 * kMillisecond);
  const auto alerts = received();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].reason, SONDE_ALERT_ABSOLUTE);
  EXPECT_EQ(alerts[0].threshold_ns, 2 * kMillisecond);
  EXPECT_EQ(harness_.drain().samples.slow, 1U);
  EXPECT_GT(alerts[0].smoothed_ns, 2 * kMillisecond);
  EXPECT_GT(alerts[0].sample_ns, 2 * kMillisecond);
  EXPECT_EQ(alerts[0].key.local_port, 40000);
  EXPECT_EQ(alerts[0].key.remote_port, 80);
  EXPECT_EQ(alerts[0].key.interface, 1U);
  EXPECT_EQ(harness_.count(SONDE_ALERTS_SENT), 1U);
}

TEST_F(FlowAlertsTest, BelowItOrOfAnotherInterfaceThereIsNone) {
  set({.absolute_ns = 60'000 * kMillisecond, .floor_ns = 0, .relative_percent = 0, .min_samples = 1});
  ASSERT_TRUE(harness_.programs().set_threshold(
      {.space = 0, .interface = 2},
      {.absolute_ns = 1, .floor_ns = 0, .relative_percent = 0, .min_samples = 1}));
  connect();
  sample(3 * kMillisecond);
  EXPECT_TRUE(received().empty());
  harness_.programs().remove_threshold(kInterface);
}

TEST_F(FlowAlertsTest, AboveItsOwnBaselineThereIsOneAndNoneBelowTheFloor) {
  set({.absolute_ns = 0, .floor_ns = kMillisecond, .relative_percent = 400, .min_samples = 4});
  connect();
  for (int i = 0; i < 12; ++i) sample(0);
  const uint64_t usual = harness_.only_flow().baseline_ns;
  ASSERT_GT(usual, 0U);
  // As slow as it takes, whatever this machine's usual is.
  sample(std::max(64 * usual, 200 * kMillisecond) % 900'000'000);
  const auto alerts = received();
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].reason, SONDE_ALERT_RELATIVE);
  EXPECT_GT(alerts[0].smoothed_ns, alerts[0].threshold_ns);
  EXPECT_EQ(alerts[0].threshold_ns, alerts[0].baseline_ns * 4);
}

class UsualFlowAlerts : public FlowAlertsTest {
 protected:
  UsualFlowAlerts()
      : FlowAlertsTest({.alert_interval = std::chrono::milliseconds(0),
                        .baseline_time = std::chrono::milliseconds(50)}) {}
};

TEST_F(UsualFlowAlerts, WhatStaysSlowBecomesUsualAndNoMoreNews) {
  set({.absolute_ns = 0, .floor_ns = kMillisecond, .relative_percent = 150, .min_samples = 4});
  connect();
  for (int i = 0; i < 12; ++i) sample(0);
  int before_quiet = 0;
  int quiet = 0;
  for (int i = 0; i < 500 && quiet < 20; ++i) {
    sample(10 * kMillisecond);
    quiet = received().empty() ? quiet + 1 : 0;
    if (quiet == 0) ++before_quiet;
  }
  EXPECT_GT(before_quiet, 0);
  EXPECT_EQ(quiet, 20);
}

class LimitedFlowAlerts : public FlowAlertsTest {
 protected:
  LimitedFlowAlerts() : FlowAlertsTest({.alerts_per_second = 3, .alert_interval = std::chrono::hours(1)}) {}
};

TEST_F(LimitedFlowAlerts, OneFlowTellsOnceInItsInterval) {
  set({.absolute_ns = 1, .floor_ns = 0, .relative_percent = 0, .min_samples = 1});
  connect();
  for (int i = 0; i < 5; ++i) sample(kMillisecond);
  EXPECT_EQ(received().size(), 1U);
  EXPECT_EQ(harness_.count(SONDE_ALERTS_SENT), 1U);
  EXPECT_EQ(harness_.count(SONDE_ALERTS_FLOW_LIMIT), 4U);
}

TEST_F(LimitedFlowAlerts, AllFlowsTogetherTellSoOftenASecondAndTheRestIsCounted) {
  constexpr uint16_t kFlows = 50;
  set({.absolute_ns = 1, .floor_ns = 0, .relative_percent = 0, .min_samples = 1});
  const uint64_t start = clock_ns();
  for (uint16_t i = 0; i < kFlows; ++i) {
    connect(static_cast<uint16_t>(40000 + i));
    sample(0, static_cast<uint16_t>(40000 + i));
  }
  const uint64_t seconds = (clock_ns() - start) / 1'000'000'000 + 2;  // begun ones
  const uint64_t sent = received().size();
  EXPECT_GE(sent, 3U);
  EXPECT_LE(sent, 3 * seconds);
  EXPECT_EQ(harness_.count(SONDE_ALERTS_SENT), sent);
  EXPECT_EQ(harness_.count(SONDE_ALERTS_GLOBAL_LIMIT), kFlows - sent);
}

class UnreadFlowAlerts : public FlowAlertsTest {
 protected:
  UnreadFlowAlerts() : FlowAlertsTest({.alerts_per_second = 1'000'000}) {}
};

TEST_F(UnreadFlowAlerts, ThoseThatFindTheBufferFullAreCounted) {
  constexpr uint16_t kFlows = 1000;
  set({.absolute_ns = 1, .floor_ns = 0, .relative_percent = 0, .min_samples = 1});
  for (uint16_t i = 0; i < kFlows; ++i) {
    connect(static_cast<uint16_t>(40000 + i));
    sample(0, static_cast<uint16_t>(40000 + i));
  }
  const uint64_t full = harness_.count(SONDE_ALERTS_RING_FULL);
  EXPECT_GT(full, 0U);
  EXPECT_EQ(received().size() + full, kFlows);
}

}  // namespace
}  // namespace sonde::test
