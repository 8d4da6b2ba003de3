// How rows become families.
#include <gtest/gtest.h>

#include <bit>
#include <deque>
#include <limits>
#include <set>

#include "exporter/collectors/flow_rtt.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

/// One page after the other of rows that the test fills.
class FlowFamiliesTest : public testing::Test {
 protected:
  PairCounts& row(const std::string& pod) {
    for (auto& [name, counts] : rows_) {
      if (name == pod) return counts;
    }
    return rows_.emplace_back(pod, PairCounts{}).second;
  }
  test::Exposition scrape() {
    std::deque<FlowRows::Row> rows;
    std::vector<const FlowRows::Row*> pointers;
    for (const auto& [pod, counts] : rows_) {
      const auto counters = std::bit_cast<PairCounters>(counts);
      rows.push_back({metrics::Labels{{"pod", pod}}, {counters.begin(), counters.end()}});
      pointers.push_back(&rows.back());
    }
    metrics::SeriesWriter writer;
    families_.write(pointers, writer);
    EXPECT_TRUE(test::duplicate_series(writer.text()).empty());
    auto page = test::parse_exposition(writer.text());
    EXPECT_TRUE(page) << (page ? "" : page.error().message);
    return page ? *page : test::Exposition{};
  }

  FlowFamilies families_;
  std::deque<std::pair<std::string, PairCounts>> rows_;
};

TEST_F(FlowFamiliesTest, BytesPacketsAndRetransmitsHaveADirection) {
  row("a").traffic = {.sent = {.bytes = 10, .packets = 1, .retransmitted = 2},
                      .received = {.bytes = 30, .packets = 3, .retransmitted = 4}};
  const auto page = scrape();
  EXPECT_EQ(page.value("sonde_flow_bytes_total", {{"pod", "a"}, {"direction", "sent"}}), 10);
  EXPECT_EQ(page.value("sonde_flow_bytes_total", {{"pod", "a"}, {"direction", "received"}}), 30);
  EXPECT_EQ(page.value("sonde_flow_packets_total", {{"pod", "a"}, {"direction", "sent"}}), 1);
  EXPECT_EQ(page.value("sonde_flow_packets_total", {{"pod", "a"}, {"direction", "received"}}), 3);
  EXPECT_EQ(page.value("sonde_flow_retransmits_total", {{"pod", "a"}, {"direction", "sent"}}), 2);
  EXPECT_EQ(page.value("sonde_flow_retransmits_total", {{"pod", "a"}, {"direction", "received"}}), 4);
  EXPECT_TRUE(page.find("sonde_flow_rtt_seconds_count").empty()) << "no sample, no histogram";
}

TEST_F(FlowFamiliesTest, WhatIsSeldomIsAbsentAndThenBeginsAtZero) {
  (void)row("a");
  EXPECT_TRUE(scrape().find("sonde_flow_drops_total").empty());
  row("a").drops.received = 3;
  row("a").samples.slow = 2;
  for (const double times : {0.0, 1.0}) {
    const auto page = scrape();
    EXPECT_EQ(page.find("sonde_flow_drops_total").size(), 1U);
    EXPECT_EQ(page.value("sonde_flow_drops_total", {{"pod", "a"}, {"direction", "received"}}), 3 * times);
    EXPECT_EQ(page.value("sonde_flow_slow_samples_total", {{"pod", "a"}}), 2 * times);
  }
}

TEST_F(FlowFamiliesTest, ARowHasNoMoreSeriesThanItIsSaidToHave) {
  auto counters = std::bit_cast<PairCounters>(PairCounts{});
  counters.fill(1);
  row("a") = std::bit_cast<PairCounts>(counters);
  const auto page = scrape();
  size_t series = 0;
  for (const char* family :
       {"rtt_seconds", "local_rtt_seconds", "handshake_rtt_seconds", "request_latency_seconds"}) {
    for (const char* part : {"_bucket", "_sum", "_count"})
      series += page.find("sonde_flow_" + std::string(family) + part).size();
  }
  for (const char* counter : {"bytes", "packets", "retransmits", "drops", "slow_samples"})
    series += page.find("sonde_flow_" + std::string(counter) + "_total").size();
  EXPECT_EQ(series, most_series_of_a_row());
}

TEST_F(FlowFamiliesTest, AHistogramBeginsAtZeroWithItsFirstSamples) {
  (void)row("a");
  (void)scrape();
  row("a").samples.rtt.buckets[10] = 3;
  EXPECT_EQ(scrape().value("sonde_flow_rtt_seconds_count", {{"pod", "a"}}), 0);
  EXPECT_EQ(scrape().value("sonde_flow_rtt_seconds_count", {{"pod", "a"}}), 3);
}

TEST_F(FlowFamiliesTest, ARowThatComesBackKeepsItsSamples) {
  (void)row("a");
  (void)scrape();
  row("a").samples.rtt.buckets[10] = 3;
  (void)scrape();
  (void)scrape();
  const auto kept = rows_;
  rows_.clear();
  (void)scrape();
  rows_ = kept;
  EXPECT_EQ(scrape().value("sonde_flow_rtt_seconds_count", {{"pod", "a"}}), 3);
}

TEST_F(FlowFamiliesTest, EveryBucketOfTheKernelsIsInTheExportedOneThatHoldsIt) {
  row("a").traffic.sent.bytes = 1;
  (void)scrape();
  for (size_t bucket = 0; bucket < SONDE_RTT_BUCKETS; ++bucket) {
    PairCounts& counts = row("a");
    counts.samples = {};
    counts.samples.rtt.buckets[bucket] = 1;
    counts.samples.handshake.buckets[bucket] = 1;
    counts.samples.rtt.sum_ns = 1'500'000;
    (void)scrape();
    const auto page = scrape();
    const double upper = bucket + 1 < SONDE_RTT_BUCKETS ? 1e-6 * static_cast<double>(1U << bucket)
                                                        : std::numeric_limits<double>::infinity();
    for (const char* family : {"sonde_flow_rtt_seconds_bucket", "sonde_flow_handshake_rtt_seconds_bucket"}) {
      for (const test::Sample& sample : page.find(family)) {
        const std::string le = sample.labels.at("le");
        const double bound = le == "+Inf" ? std::numeric_limits<double>::infinity() : std::stod(le);
        EXPECT_EQ(sample.value, bound >= upper * 0.999 ? 1 : 0)
            << family << " le " << le << " bucket " << bucket;
      }
    }
    EXPECT_DOUBLE_EQ(page.value("sonde_flow_rtt_seconds_sum"), 0.0015);
  }
}

TEST_F(FlowFamiliesTest, RequestsHaveARole) {
  (void)row("a");
  (void)scrape();
  row("a").samples.request_client.buckets[12] = 2;
  row("a").samples.request_server.buckets[12] = 5;
  (void)scrape();
  const auto page = scrape();
  EXPECT_EQ(page.value("sonde_flow_request_latency_seconds_count", {{"role", "client"}}), 2);
  EXPECT_EQ(page.value("sonde_flow_request_latency_seconds_count", {{"role", "server"}}), 5);
}

TEST(FlowRttMetrics, EachIsDeclaredOnce) {
  std::set<std::string_view> names;
  for (const metrics::MetricRow& row : flow_rtt_metrics())
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  EXPECT_FALSE(names.empty());
}

}  // namespace
}  // namespace sonde::exporter
