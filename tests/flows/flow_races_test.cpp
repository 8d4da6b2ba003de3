// Both directions of the same flows on two CPUs at once.
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/flows/support/flow_harness.h"

namespace sonde::test {
namespace {

constexpr uint32_t kFirst = UINT32_MAX - 100'000;  // the numbers wrap around during the test
constexpr uint32_t kBytes = 10;

void stay_on(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu % std::thread::hardware_concurrency(), &set);
  ASSERT_EQ(::sched_setaffinity(0, sizeof set, &set), 0);
}

/// Flows whose packets come from several threads.
class FlowRaces : public testing::Test {
 protected:
  explicit FlowRaces(const exporter::FlowProgramOptions& options = {}) : harness_(options) {}

  Segment packet(uint32_t flow, bool sent) const {
    return {.sent = sent, .local_port = static_cast<uint16_t>(40000 + flow)};
  }

  /// Sends the next segment of a flow. Others may be sending the one before it at that moment.
  void send_next(uint32_t flow) {
    Segment segment = packet(flow, true);
    segment.payload = kBytes;
    segment.flags = kAck | kPush;
    segment.sequence = next_[flow].fetch_add(kBytes);
    harness_.run(bytes_of(segment), true);
    sent_.fetch_add(1);
  }

  /// Acknowledges all that was sent or is being sent, with an answer.
  void acknowledge(uint32_t flow) {
    Segment segment = packet(flow, false);
    segment.acknowledgement = next_[flow].load();
    harness_.run(bytes_of(segment), false);
    segment.payload = 1;
    segment.sequence = answers_[flow].fetch_add(1);
    harness_.run(bytes_of(segment), false);
  }

  /// Runs `work` on each CPU at once, `times` times each.
  template <class Work>
  void hammer(int times, Work work) {
    std::atomic<int> waiting{2};
    const auto run = [&](unsigned cpu) {
      stay_on(cpu);
      waiting.fetch_sub(1);
      while (waiting.load() > 0) {
      }
      for (int i = 0; i < times; ++i) work(cpu, i);
    };
    const uint64_t start = clock_ns();
    std::thread other(run, 1);
    std::thread self(run, 0);
    other.join();
    self.join();
    elapsed_ns_ = clock_ns() - start;
  }

  /// Probes of one direction of a flow follow each other, so all their times together are no longer than the
  /// test; a single wrong one, such as the machine's uptime, would be.
  void expect_no_wrong_sample(uint64_t flows) {
    const auto sum = harness_.drain();
    for (const latency_histogram* times :
         {&sum.samples.rtt, &sum.samples.local_rtt, &sum.samples.request_client}) {
      EXPECT_LE(times->sum_ns, flows * elapsed_ns_);
      EXPECT_LE(count_of(*times), sent_.load());
    }
    EXPECT_GT(count_of(sum.samples.rtt), 10U);
  }

  FlowHarness harness_;
  std::array<std::atomic<uint32_t>, 64> next_{};
  std::array<std::atomic<uint32_t>, 64> answers_{};
  std::atomic<uint64_t> sent_{0};
  uint64_t elapsed_ns_ = 0;
};

TEST_F(FlowRaces, ASenderAndAReceiverOnTwoCpus) {
  next_[0] = kFirst;
  hammer(100'000, [this](unsigned cpu, int) { cpu == 0 ? send_next(0) : acknowledge(0); });
  const flow_state flow = harness_.only_flow();
  EXPECT_EQ(flow.sent.end, 1ULL << 32 | next_[0].load());
  EXPECT_EQ(flow.sent.packets, 100'000U);
  EXPECT_EQ(flow.sent.retransmitted, 0U) << "one thread sends in order";
  expect_no_wrong_sample(1);
}

TEST_F(FlowRaces, BothCpusSendAndReceiveBoth) {
  next_[0] = kFirst;
  hammer(60'000, [this](unsigned, int i) { i % 2 == 0 ? send_next(0) : acknowledge(0); });
  // However they met: the highest number never fell, or something sent again would pass for new.
  EXPECT_EQ(harness_.only_flow().sent.end, 1ULL << 32 | next_[0].load());
  expect_no_wrong_sample(1);
}

class EvictingFlowRaces : public FlowRaces {
 protected:
  EvictingFlowRaces() : FlowRaces({.max_flows = 16}) {}
};

TEST_F(EvictingFlowRaces, FlowsThatTakeEachOthersEntries) {
  constexpr uint32_t kFlows = 64;
  for (auto& next : next_) next = kFirst;
  hammer(60'000, [this](unsigned cpu, int i) {
    const auto flow = static_cast<uint32_t>(i) / 8 * (cpu == 0 ? 1 : 3) % kFlows;
    i % 2 == 0 ? send_next(flow) : acknowledge(flow);
  });
  expect_no_wrong_sample(kFlows);
  const auto table = exporter::FlowTable(harness_.programs()).counts();
  ASSERT_TRUE(table);
  EXPECT_GT(table->evicted, 100U);
  EXPECT_EQ(table->made, table->present + table->evicted + table->deleted);
}

}  // namespace
}  // namespace sonde::test
