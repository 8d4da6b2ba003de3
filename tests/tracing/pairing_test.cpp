#include "exporter/flows/tracing/pairing.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tracing/made_up_way.h"

namespace sonde::exporter {
namespace {

constexpr MadeUpTimes kWay{.write = 1000,
                           .departure = 1010,
                           .queue = 1030,
                           .transmit = 1130,
                           .transmitted = 1135,
                           .arrive = 1535,
                           .receive = 1540,
                           .socket = 1560,
                           .read = 2560};

std::vector<TracedDirection> pair(const MadeUpEvents& made_up, bool gaps = false) {
  return pair_events({.events = made_up.events, .end_ns = 1'000'000'000, .gaps = gaps});
}

/// Microseconds of a stage; -1: not seen.
int64_t stage(const TracedUnit& unit, Stage which) {
  const int64_t time = unit.times[static_cast<size_t>(which)];
  return time == kNotSeen ? -1 : time / 1000;
}

TEST(Pairing, EveryStageIsTheTimeBetweenItsEvents) {
  MadeUpEvents events;
  events.packet(5000, 700, kWay);
  std::ranges::reverse(events.events);
  const auto directions = pair(events);
  ASSERT_EQ(directions.size(), 1U);
  EXPECT_EQ(directions[0].sender_space, kSender);
  EXPECT_EQ(directions[0].receiver_space, kReceiver);
  ASSERT_EQ(directions[0].units.size(), 1U);
  const TracedUnit& unit = directions[0].units[0];
  EXPECT_TRUE(unit.complete);
  EXPECT_FALSE(unit.open);
  EXPECT_EQ(unit.bytes, 700U);
  EXPECT_EQ(unit.writer, kWriter);
  EXPECT_EQ(unit.reader, kReader);
  EXPECT_EQ(stage(unit, Stage::kSenderRunQueue), 0);
  EXPECT_EQ(stage(unit, Stage::kSocketSend), 10);
  EXPECT_EQ(stage(unit, Stage::kIpSend), 20);
  EXPECT_EQ(stage(unit, Stage::kQdisc), 100);
  EXPECT_EQ(stage(unit, Stage::kDriverSend), 5);
  EXPECT_EQ(stage(unit, Stage::kWay), 400);
  EXPECT_EQ(stage(unit, Stage::kWayQdisc), -1);
  EXPECT_EQ(stage(unit, Stage::kSoftirq), 5);
  EXPECT_EQ(stage(unit, Stage::kIpReceive), 20);
  EXPECT_EQ(stage(unit, Stage::kSocketReceive), 1000);
  EXPECT_EQ(stage(unit, Stage::kReaderRunQueue), 0);
  EXPECT_EQ(unit.total_ns(), 1'560'000);
  EXPECT_EQ(unit.part_ns(Part::kSenderHost), 135'000);
  EXPECT_EQ(unit.part_ns(Part::kNetwork), 400'000);
  EXPECT_EQ(unit.part_ns(Part::kReceiverHost), 1'025'000);
}

TEST(Pairing, AWriteOfSeveralSegmentsIsTheStartOfEach) {
  MadeUpEvents events;
  events.add(SONDE_TRACE_WRITE, 1000, 100, 3000, 0, kSender, kWriter);
  events.add(SONDE_TRACE_QUEUE, 1010, 100, 1500, 0, kSender, 0, SONDE_TRACE_OWN_SOCKET);
  events.add(SONDE_TRACE_QUEUE, 1500, 1600, 1500, 0, kSender, 0, SONDE_TRACE_OWN_SOCKET);
  const auto directions = pair(events, true);
  ASSERT_EQ(directions[0].units.size(), 2U);
  EXPECT_EQ(stage(directions[0].units[0], Stage::kSocketSend), 10);
  EXPECT_EQ(stage(directions[0].units[1], Stage::kSocketSend), 500);
}

TEST(Pairing, WhyASegmentStayedInTheSocketDecidesWhoseTimeItIs) {
  MadeUpEvents window, congestion;
  window.packet(1, 10, kWay, 0, SONDE_TRACE_WINDOW_FULL | SONDE_TRACE_CONGESTION_FULL);
  congestion.packet(1, 10, kWay, 0, SONDE_TRACE_CONGESTION_FULL);
  EXPECT_EQ(stage(pair(window)[0].units[0], Stage::kReceiveWindow), 10);
  EXPECT_EQ(stage(pair(window)[0].units[0], Stage::kSocketSend), 0);
  EXPECT_EQ(stage(pair(congestion)[0].units[0], Stage::kAcknowledgement), 10);
  EXPECT_EQ(pair(congestion)[0].units[0].total_ns(), 1'550'000) << "no share of its own";
}

TEST(Pairing, ALongWritesTimeIsSplitByWhatEachBufferFound) {
  MadeUpEvents events;
  events.add(SONDE_TRACE_WRITE, 1000, 0, 300, 0, kSender, kWriter);
  events.add(SONDE_TRACE_WRITE, 1100, 100, 200, 0, kSender, kWriter, SONDE_TRACE_WINDOW_FULL);
  events.add(SONDE_TRACE_WRITE, 1700, 200, 100, 0, kSender, kWriter, SONDE_TRACE_CONGESTION_FULL);
  events.add(SONDE_TRACE_QUEUE, 1900, 200, 100, 0, kSender, 0, SONDE_TRACE_OWN_SOCKET);
  const TracedUnit unit = pair(events, true)[0].units[0];
  EXPECT_EQ(stage(unit, Stage::kSocketSend), 100);
  EXPECT_EQ(stage(unit, Stage::kReceiveWindow), 600) << "the writer slept until the receiver made room";
  EXPECT_EQ(stage(unit, Stage::kAcknowledgement), 200);
}

TEST(Pairing, WaitsForACpuAreTakenFromTheSocketsTime) {
  MadeUpEvents events;
  events.packet(1, 10, kWay);
  MadeUpTimes later = kWay;
  for (uint64_t* time : {&later.write, &later.departure, &later.queue, &later.transmit, &later.transmitted,
                         &later.arrive, &later.receive, &later.socket, &later.read}) {
    *time += 10'000;
  }
  events.packet(11, 10, later);
  events.wait(kWriter, 900, 1000);  // since nothing was seen of it before, whose wait that is is not known
  events.wait(kWriter, 10'600, 10'900);
  events.wait(kReader, 11'000, 12'260);  // began before the packet was there: 700 of 1000
  const auto units = pair(events)[0].units;
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(stage(units[0], Stage::kSenderRunQueue), 0);
  EXPECT_EQ(stage(units[1], Stage::kSenderRunQueue), 300);
  EXPECT_EQ(stage(units[1], Stage::kReaderRunQueue), 700);
  EXPECT_EQ(stage(units[1], Stage::kSocketReceive), 300);
}

TEST(Pairing, ALostPacketsTimeIsThatOfTheStageThatLostIt) {
  MadeUpEvents dropped_by_qdisc;
  dropped_by_qdisc.packet(1, 10, {.write = 1000, .queue = 1010});
  dropped_by_qdisc.add(SONDE_TRACE_RETRANSMIT, 201'000, 1, 10, 0, kSender, 0, 0, 3);
  dropped_by_qdisc.packet(1, 10,
                          {.queue = 201'010,
                           .transmit = 201'020,
                           .transmitted = 201'021,
                           .arrive = 201'030,
                           .receive = 201'031,
                           .socket = 201'040,
                           .read = 201'050});
  const auto first = pair(dropped_by_qdisc)[0];
  EXPECT_EQ(first.retransmits, 3U) << "segments of one buffer";
  ASSERT_EQ(first.units.size(), 1U);
  EXPECT_EQ(stage(first.units[0], Stage::kQdisc), 200'010);

  MadeUpEvents lost_on_the_way;
  lost_on_the_way.packet(1, 10, {.write = 1000, .queue = 1010, .transmit = 1020, .transmitted = 1021});
  lost_on_the_way.packet(1, 10,
                         {.queue = 201'010,
                          .transmit = 201'020,
                          .transmitted = 201'021,
                          .arrive = 201'030,
                          .receive = 201'031,
                          .socket = 201'040,
                          .read = 201'050});
  EXPECT_EQ(stage(pair(lost_on_the_way)[0].units[0], Stage::kWay), 201'030 - 1021);
}

TEST(Pairing, QueuesBetweenTheEndsAreToldFromTheRestOfTheWay) {
  MadeUpEvents events;
  events.packet(1, 10, kWay);
  events.add(SONDE_TRACE_QUEUE, 1200, 1, 10, 0, kBetween, 0, 0, 0, 1, 7);
  events.add(SONDE_TRACE_TRANSMIT, 1500, 1, 10, 0, kBetween, 0, 0, 0, 1, 7);
  const TracedUnit unit = pair(events)[0].units[0];
  EXPECT_EQ(stage(unit, Stage::kWayQdisc), 300);
  EXPECT_EQ(stage(unit, Stage::kWay), 100);
}

TEST(Pairing, AVirtualDeviceReceivesBeforeItsSenderIsThrough) {
  MadeUpEvents events;
  MadeUpTimes at = kWay;
  at.arrive = at.transmit + 2;
  events.packet(1, 10, at);
  const TracedUnit unit = pair(events)[0].units[0];
  EXPECT_EQ(stage(unit, Stage::kDriverSend), 2);
  EXPECT_EQ(stage(unit, Stage::kWay), 0);
}

TEST(Pairing, WhatIsStillUnderWayCountsUpToTheEnd) {
  MadeUpEvents events;
  events.packet(1, 10, kWay);
  events.packet(11, 10,
                {.write = 3000,
                 .queue = 3001,
                 .transmit = 3002,
                 .transmitted = 3003,
                 .arrive = 3010,
                 .receive = 3011,
                 .socket = 3012});
  const auto units = pair(events)[0].units;
  EXPECT_TRUE(units[1].open);
  EXPECT_FALSE(units[1].complete);
  EXPECT_EQ(stage(units[1], Stage::kSocketReceive), 1'000'000 - 3012);
  const auto with_gaps = pair(events, true)[0].units;
  EXPECT_FALSE(with_gaps[1].open);
  EXPECT_EQ(stage(with_gaps[1], Stage::kSocketReceive), -1) << "its READ may be among the events left out";
}

TEST(Pairing, AReceiverOnAnotherMachineIsBeyondThisOne) {
  MadeUpEvents events;
  events.packet(1, 10, {.write = 1000, .queue = 1010, .transmit = 1020, .transmitted = 1030});
  events.add(SONDE_TRACE_RECEIVE, 9030, 1, 0, 1, kSender, 0, SONDE_TRACE_NO_PAYLOAD, 0, 11);
  const auto directions = pair(events);
  EXPECT_EQ(directions[0].receiver_space, 0U);
  EXPECT_EQ(stage(directions[0].units[0], Stage::kBeyond), 8000);
  EXPECT_TRUE(directions[0].units[0].complete);
}

TEST(Pairing, AcknowledgementsAloneArePairedByTheirNumber) {
  MadeUpEvents events;
  constexpr uint8_t kAlone = SONDE_TRACE_NO_PAYLOAD;
  for (const uint32_t ack : {100U, 200U}) {
    const uint64_t at = ack * 10;
    events.add(SONDE_TRACE_QUEUE, at, 1, 0, 1, kReceiver, 0, kAlone | SONDE_TRACE_OWN_SOCKET, (at - 1) * 1000,
               ack);
    events.add(SONDE_TRACE_TRANSMIT, at + 2, 1, 0, 1, kReceiver, 0, kAlone | SONDE_TRACE_OWN_SOCKET, 0, ack);
    events.add(SONDE_TRACE_ARRIVE, at + 302, 1, 0, 1, kSender, 0, kAlone, 0, ack);
    events.add(SONDE_TRACE_RECEIVE, at + 305, 1, 0, 1, kSender, 0, kAlone, 0, ack);
    events.add(SONDE_TRACE_SOCKET, at + 309, 1, 0, 1, kSender, 0, kAlone, 0, ack);
  }
  const auto units = pair(events)[0].units;
  ASSERT_EQ(units.size(), 2U);
  for (const TracedUnit& unit : units) {
    EXPECT_TRUE(unit.complete);
    EXPECT_EQ(unit.bytes, 0U);
    EXPECT_EQ(stage(unit, Stage::kIpSend), 1);
    EXPECT_EQ(stage(unit, Stage::kQdisc), 2);
    EXPECT_EQ(stage(unit, Stage::kWay), 300);
    EXPECT_EQ(stage(unit, Stage::kSoftirq), 3);
    EXPECT_EQ(stage(unit, Stage::kIpReceive), 4);
  }
}

TEST(Pairing, EventsOfNoLayerOrFlowAreLeftOut) {
  MadeUpEvents events;
  events.add(200, 1, 1, 1, 0, kSender);
  events.wait(kWriter, 5, 2);
  EXPECT_TRUE(pair(events).empty());
  EXPECT_TRUE(pair(MadeUpEvents()).empty());
}

}  // namespace
}  // namespace sonde::exporter
