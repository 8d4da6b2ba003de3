#include "exporter/flows/tracing/verdict.h"

#include <gtest/gtest.h>

#include <map>

#include "exporter/flows/tracing/trace_request.h"

namespace sonde::exporter {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

flow_address address(const char* text) {
  return parse_trace_end(text)->address;
}

std::map<uint32_t, trace_direction> one_flow() {
  return {{0,
           {.source = address("10.0.0.1"),
            .destination = address("10.0.0.2"),
            .source_port = 1,
            .destination_port = 2}}};
}

TracedUnit unit(uint32_t bytes, std::initializer_list<std::pair<Stage, int64_t>> milliseconds) {
  TracedUnit made{.bytes = bytes, .complete = true};
  made.times.fill(kNotSeen);
  for (const auto& [stage, time] : milliseconds) made.times[static_cast<size_t>(stage)] = time * kMillisecond;
  return made;
}

TracedDirection direction(uint32_t flow, const std::vector<TracedUnit>& units) {
  return {
      .flow = flow, .sender_space = 10 + flow, .receiver_space = 11 - flow, .retransmits = 0, .units = units};
}

double share(const PairDelay& pair, Part part) {
  return pair.share[static_cast<size_t>(part)];
}

TEST(Verdict, SharesAreOfOneWayThereAndOneBack) {
  const std::vector<TracedDirection> directions{
      direction(0, {unit(100, {{Stage::kQdisc, 1}, {Stage::kWay, 4}, {Stage::kSocketReceive, 1}}),
                    unit(100, {{Stage::kQdisc, 1}, {Stage::kWay, 6}, {Stage::kSocketReceive, 1}})}),
      direction(1, {unit(1, {{Stage::kSenderRunQueue, 2}, {Stage::kWay, 1}})})};
  const auto pairs = judge_pairs(directions, one_flow());
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(trace_end_text(pairs[0].sender), "10.0.0.1");
  EXPECT_EQ(trace_end_text(pairs[0].receiver), "10.0.0.2");
  EXPECT_NEAR(pairs[0].seconds, 0.010, 1e-9);
  EXPECT_NEAR(share(pairs[0], Part::kSenderHost), 0.1, 1e-9);
  EXPECT_NEAR(share(pairs[0], Part::kNetwork), 0.6, 1e-9);
  EXPECT_NEAR(share(pairs[0], Part::kReceiverHost), 0.3, 1e-9)
      << "the receiver's wait before it answers is its own";
  EXPECT_EQ(pairs[0].slowest, Part::kNetwork);
}

TEST(Verdict, TheSenderIsWhoSendsMore) {
  const std::vector<TracedDirection> directions{direction(0, {unit(1, {{Stage::kWay, 1}})}),
                                                direction(1, {unit(5000, {{Stage::kQdisc, 7}})})};
  const auto pairs = judge_pairs(directions, one_flow());
  EXPECT_EQ(trace_end_text(pairs.at(0).sender), "10.0.0.2");
  EXPECT_EQ(pairs[0].slowest, Part::kSenderHost);
}

TEST(Verdict, AcknowledgementsCountWhereNothingElseGoesThatWay) {
  const std::vector<TracedDirection> directions{
      direction(0, {unit(100, {{Stage::kQdisc, 1}}), unit(0, {{Stage::kWay, 500}})}),
      direction(1, {unit(0, {{Stage::kWay, 3}})})};
  const auto pairs = judge_pairs(directions, one_flow());
  EXPECT_EQ(pairs.at(0).there.units, 1U);
  EXPECT_NEAR(pairs[0].seconds, 0.004, 1e-9);
  EXPECT_EQ(pairs[0].slowest, Part::kNetwork);
}

TEST(Verdict, ConfidenceFallsWithFewDisagreeingAndIncompleteUnits) {
  const auto confidence = [](const std::vector<TracedUnit>& units) {
    return judge_pairs(std::vector{direction(0, units)}, one_flow()).at(0).confidence;
  };
  const TracedUnit network = unit(10, {{Stage::kWay, 10}, {Stage::kQdisc, 1}});
  const TracedUnit sender = unit(10, {{Stage::kWay, 1}, {Stage::kQdisc, 8}});
  TracedUnit incomplete = network;
  incomplete.complete = false;
  const double sure = confidence(std::vector<TracedUnit>(96, network));
  EXPECT_NEAR(sure, 0.96, 1e-9);
  EXPECT_NEAR(confidence({network}), 0.2, 1e-9);
  EXPECT_NEAR(confidence(std::vector<TracedUnit>(96, incomplete)), 0, 1e-9);
  std::vector<TracedUnit> mixed(48, network);
  mixed.insert(mixed.end(), 48, sender);
  EXPECT_NEAR(confidence(mixed), 0.96 * 11 / 20, 1e-9);
}

TEST(Verdict, WhatIsBeyondThisMachineIsHalfAsSure) {
  TracedDirection beyond = direction(0, std::vector<TracedUnit>(96, unit(10, {{Stage::kBeyond, 10}})));
  beyond.receiver_space = 0;
  const auto pairs = judge_pairs(std::vector{beyond}, one_flow());
  EXPECT_EQ(pairs.at(0).slowest, Part::kNetwork);
  EXPECT_NEAR(pairs[0].confidence, 0.48, 1e-9);
}

TEST(Verdict, FlowsOfTheSameTwoAddressesAreOnePair) {
  auto flows = one_flow();
  flows[2] = {.source = address("10.0.0.2"),
              .destination = address("10.0.0.1"),
              .source_port = 9,
              .destination_port = 8};
  flows[4] = {.source = address("10.0.0.1"),
              .destination = address("10.0.0.3"),
              .source_port = 9,
              .destination_port = 8};
  const std::vector<TracedDirection> directions{
      direction(0, {unit(10, {{Stage::kWay, 1}})}), direction(3, {unit(10, {{Stage::kWay, 3}})}),
      direction(4, {unit(10, {{Stage::kWay, 9}})}), direction(8, {unit(10, {{Stage::kWay, 9}})})};
  const auto pairs = judge_pairs(directions, flows);
  ASSERT_EQ(pairs.size(), 2U) << "and that of a flow without addresses is none";
  EXPECT_EQ(trace_end_text(pairs[0].receiver), "10.0.0.3");
  EXPECT_EQ(pairs[1].flows, 2U);
  EXPECT_NEAR(pairs[1].seconds, 0.002, 1e-9);
}

}  // namespace
}  // namespace sonde::exporter
