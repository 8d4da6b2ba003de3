#include "exporter/flows/mapping/path_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

constexpr const char* kCount = "sonde_flow_underlay_rtt_seconds_count";

/// The path of pod number `pod`, with so many bytes and samples of 3 µs.
std::pair<path_key, path_state> path(uint8_t pod, uint64_t bytes, uint64_t samples,
                                     uint8_t tunnel = SONDE_TUNNEL_VXLAN) {
  path_key key{};
  key.local.bytes[10] = key.local.bytes[11] = 0xff;
  key.local.bytes[12] = 10;
  key.local.bytes[15] = pod;
  key.vni = 42;
  key.tunnel = tunnel;
  path_state state{};
  state.bytes = bytes;
  state.rtt.buckets[2] = samples;
  state.rtt.sum_ns = 3000 * samples;
  return {key, state};
}

PathLabels labels_of(const path_key& key) {
  const std::string pod = "pod-" + std::to_string(key.local.bytes[15]);
  return {.pod = {{"namespace", "shop"}, {"pod", pod}, {"container", ""}, {"service", "api"}},
          .is_pod = key.local.bytes[15] != 0,
          .interface = "eth0"};
}

test::Exposition written(const PathRows& rows) {
  metrics::SeriesWriter writer;
  rows.write(writer);
  return *test::parse_exposition(writer.text());
}

double sum(const test::Exposition& page) {
  double total = 0;
  for (const test::Sample& sample : page.find(kCount)) total += sample.value;
  return total;
}

TEST(PathRows, ARowHasThePodAndBothAddresses) {
  PathRows rows(10);
  rows.update({path(7, 1, 5)}, labels_of, 0);
  const auto page = written(rows);
  const auto info = page.find("sonde_flow_underlay_info");
  ASSERT_EQ(info.size(), 1U);
  EXPECT_EQ(info[0].labels.at("pod"), "pod-7");
  EXPECT_EQ(info[0].labels.at("address"), "10.0.0.7");
  EXPECT_EQ(info[0].labels.at("tunnel"), "vxlan");
  EXPECT_EQ(info[0].labels.at("vni"), "42");
  EXPECT_EQ(page.value(kCount, {{"pod", "pod-7"}}), 5);
  EXPECT_NEAR(page.value("sonde_flow_underlay_rtt_seconds_sum", {{"pod", "pod-7"}}), 15e-6, 1e-12);
}

TEST(PathRows, BucketsHoldWhatTheKernelsDid) {
  PathRows rows(10);
  auto one = path(7, 1, 0);
  for (auto& bucket : one.second.rtt.buckets) bucket = 1;
  rows.update({one}, labels_of, 0);
  const auto page = written(rows);
  double bound = 1e-6;  // 1 µs holds bucket 0, 4 µs buckets 0 to 2, and so on
  for (size_t i = 0; i < SONDE_RTT_BUCKETS / 2; ++i, bound *= 4) {
    for (const auto& sample : page.find("sonde_flow_underlay_rtt_seconds_bucket", {{"pod", "pod-7"}})) {
      const std::string& le = sample.labels.at("le");
      if (le == "+Inf" || std::abs(std::stod(le) / bound - 1) > 1e-9) continue;
      EXPECT_EQ(sample.value, static_cast<double>(2 * i + 1)) << le;
    }
  }
  EXPECT_EQ(page.value(kCount, {{"pod", "pod-7"}}), SONDE_RTT_BUCKETS);
}

TEST(PathRows, ThoseWithTheMostBytesHaveRowsAndTheRestIsOthers) {
  PathRows rows(2);
  rows.update({path(1, 10, 1), path(2, 30, 2), path(3, 20, 4)}, labels_of, 0);
  const auto page = written(rows);
  EXPECT_TRUE(page.find(kCount, {{"pod", "pod-1"}}).empty());
  EXPECT_EQ(page.value(kCount, {{"pod", "pod-2"}}), 2);
  EXPECT_EQ(page.value(kCount, {{"pod", "pod-3"}}), 4);
  EXPECT_EQ(page.value(kCount, {{"service", "~other"}}), 1);
  EXPECT_EQ(rows.listed(), 2U);
  EXPECT_EQ(rows.unlisted(), 1U);
}

TEST(PathRows, APathKeepsItsRowAndTheSumIsThatOfAllSamples) {
  PathRows rows(1);
  rows.update({path(1, 10, 1)}, labels_of, 0);
  rows.update({path(1, 10, 2), path(2, 1000, 50)}, labels_of, 0);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-1"}}), 2);
  EXPECT_EQ(written(rows).value(kCount, {{"service", "~other"}}), 50);
  rows.update({path(1, 10, 3), path(2, 2000, 60)}, labels_of, 0);
  EXPECT_EQ(written(rows).value(kCount, {{"service", "~other"}}), 60);
  EXPECT_EQ(sum(written(rows)), 63);
}

TEST(PathRows, WhatAPathWithoutRowHadStaysInOther) {
  PathRows rows(1);
  rows.update({path(1, 100, 1), path(2, 10, 50)}, labels_of, 0);
  const auto [key, last] = path(2, 10, 55);
  rows.forget(key, last);
  EXPECT_EQ(written(rows).value(kCount, {{"service", "~other"}}), 55);
  rows.update({path(1, 100, 1)}, labels_of, 0);
  EXPECT_EQ(written(rows).value(kCount, {{"service", "~other"}}), 55);
}

TEST(PathRows, ARowThatIsFreeAgainGoesToTheNext) {
  PathRows rows(1);
  rows.update({path(1, 100, 1), path(2, 10, 50)}, labels_of, 0);
  const auto [key, last] = path(1, 100, 1);
  rows.forget(key, last);
  rows.update({path(2, 10, 60)}, labels_of, 0);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-2"}}), 10);  // those from now on
  EXPECT_EQ(written(rows).value(kCount, {{"service", "~other"}}), 50);
}

TEST(PathRows, WhatIsOfNoPodHasNone) {
  PathRows rows(10);
  rows.update({path(0, 10, 1, SONDE_TUNNEL_NONE), path(0, 10, 1, SONDE_TUNNEL_VXLAN)}, labels_of, 0);
  EXPECT_TRUE(written(rows).find("sonde_flow_underlay_info").empty());
  EXPECT_EQ(sum(written(rows)), 0);
}

TEST(PathRows, PathsWithoutTunnelHaveHalfOfTheRowsAtMost) {
  PathRows rows(4);
  std::vector<std::pair<path_key, path_state>> all;
  for (uint8_t pod = 1; pod < 20; ++pod) all.push_back(path(pod, 1000U + pod, 1, SONDE_TUNNEL_NAT));
  rows.update(all, labels_of, 0);
  EXPECT_EQ(rows.listed(), 2U);
  all.push_back(path(30, 1, 1));
  all.push_back(path(31, 1, 1));
  rows.update(all, labels_of, 0);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-30"}}), 1);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-31"}}), 1);
  EXPECT_EQ(rows.listed(), 4U);
}

TEST(PathRows, ARemoteThatNeverAnswersGetsNoRow) {
  PathRows rows(10);
  rows.update({path(7, 1000, 0, SONDE_TUNNEL_NONE), path(8, 1000, 0, SONDE_TUNNEL_VXLAN)}, labels_of, 0);
  EXPECT_EQ(rows.listed(), 1U) << "who asks for a tunnel is one of this node's";
  rows.update({path(7, 1000, 1, SONDE_TUNNEL_NONE), path(8, 1000, 0, SONDE_TUNNEL_VXLAN)}, labels_of, 0);
  EXPECT_EQ(rows.listed(), 2U);
}

TEST(PathRows, APathThatWasEvictedAndMadeAgainCountsFromZero) {
  PathRows rows(10);
  auto one = path(7, 1, 50, SONDE_TUNNEL_NAT);
  one.second.made_ns = 1;
  rows.update({one}, labels_of, 0);
  one = path(7, 1, 3, SONDE_TUNNEL_NAT);
  one.second.made_ns = 2;
  rows.update({one}, labels_of, 0);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-7"}}), 53);
}

constexpr uint64_t kMinute = 60'000'000'000;

/// The path without tunnel of pod 7 to a remote, as made at a time, with its last packet then.
std::pair<path_key, path_state> plain_path(uint8_t remote, uint64_t samples, uint64_t made_ns) {
  auto one = path(7, 1, samples, SONDE_TUNNEL_NONE);
  one.first.remote.bytes[15] = remote;
  one.second.made_ns = one.second.last_ns = made_ns;
  return one;
}

TEST(PathRows, AnEvictedPathKeepsItsRowAndGoesOnWhenItIsBack) {
  PathRows rows(10);
  rows.update({plain_path(1, 50, kMinute)}, labels_of, kMinute);
  rows.update({}, labels_of, 2 * kMinute);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-7"}}), 50);
  rows.update({plain_path(1, 3, 10 * kMinute)}, labels_of, 10 * kMinute);
  EXPECT_EQ(written(rows).value(kCount, {{"pod", "pod-7"}}), 53);
  rows.update({}, labels_of, 20 * kMinute - 1);
  EXPECT_EQ(rows.listed(), 1U);
  rows.update({}, labels_of, 20 * kMinute);
  EXPECT_EQ(rows.listed(), 0U) << "ten minutes after its last packet";
}

TEST(PathRows, AScanMakesNoMoreSeriesInTenMinutesThanThereArePlaces) {
  PathRows rows(4);
  std::set<std::string> seen;
  double last = 0;
  for (uint8_t remote = 0; remote < 200;
       remote += 2) {  // a table that keeps two paths: each reading has others
    const uint64_t now = kMinute + remote * kMinute / 24;
    const auto next = static_cast<uint8_t>(remote + 1);
    rows.update({plain_path(remote, 1, now), plain_path(next, 1, now)}, labels_of, now);
    const auto page = written(rows);
    for (const test::Sample& sample : page.find("sonde_flow_underlay_info")) {
      seen.insert(sample.labels.at("remote_address"));
    }
    EXPECT_EQ(sum(page), last + 2) << "none of what was measured is lost";
    last = sum(page);
  }
  EXPECT_EQ(seen.size(), 2U);
}

TEST(PathRows, AnEvictedPathWhosePodEndsLosesItsRow) {
  PathRows rows(10);
  rows.update({plain_path(1, 50, kMinute)}, labels_of, kMinute);
  const auto nobody = [](const path_key&) { return PathLabels{}; };
  rows.update({}, nobody, kMinute);
  EXPECT_EQ(rows.listed(), 0U);
}

TEST(PathRows, APathWhosePodIsGoneOrAnotherIsToBeDeleted) {
  const auto of = [](const char* pod) {
    return [pod](const path_key&) {
      return PathLabels{.pod = {{"pod", pod}}, .is_pod = *pod != 0, .interface = "eth0"};
    };
  };
  PathRows rows(10);
  rows.update({path(7, 1, 5), path(8, 1, 5)}, of("first"), 0);
  EXPECT_TRUE(rows.ended().empty());
  for (const char* const next : {"", "second"}) {
    rows.update({path(8, 1, 6)}, of(next), 0);
    ASSERT_EQ(rows.ended().size(), 1U);
    const auto [key, last] = path(8, 1, 7);
    rows.forget(key, last);
    EXPECT_TRUE(written(rows).find("sonde_flow_underlay_info").empty());
    rows.update({path(8, 1, 1)}, of("first"), 0);
    EXPECT_EQ(written(rows).value(kCount, {{"pod", "first"}}), 1) << "from then on";
  }
}

}  // namespace
}  // namespace sonde::exporter
