// Packets of all shapes, whole and broken.
#include <gtest/gtest.h>

#include <random>

#include "tests/flows/support/flow_harness.h"

namespace sonde::test {
namespace {

constexpr uint16_t kMoreFragments = 0x2000;

class FlowShapes : public testing::Test {
 protected:
  /// Data and its ACK in packets of this shape: whether they are read, and where they end.
  void expect_read(Segment shape) {
    shape.flags = kSyn;
    shape.sequence = 100;
    harness_.see(shape);
    shape.flags = kAck;
    shape.sequence = 101;
    shape.payload = 77;
    harness_.see(shape);
    const uint64_t bytes = ip_bytes(shape);
    Segment answer = shape;
    answer.sent = false;
    answer.payload = 0;
    answer.acknowledgement = 101;
    harness_.see(answer);  // of the SYN
    shape.sequence = 178;
    harness_.see(shape);
    answer.acknowledgement = 178 + 77;
    harness_.see(answer);
    const auto sum = harness_.drain();
    EXPECT_EQ(count_of(sum.samples.handshake), 1U);
    EXPECT_EQ(count_of(sum.samples.rtt), 1U);
    EXPECT_EQ(sum.traffic.sent.bytes, 3 * bytes - 77);
    EXPECT_EQ(harness_.only_flow().sent.end, 1ULL << 32 | (178 + 77));
    expect_unread(0);
  }

  /// How many packets were not read, of all reasons.
  void expect_unread(uint64_t expected) {
    uint64_t sum = 0;
    for (uint32_t result = 0; result < SONDE_PARSE_RESULTS; ++result) sum += harness_.not_parsed(result);
    EXPECT_EQ(sum, expected);
  }

  /// A packet that must be refused for that reason, and count for nobody.
  void expect_refused(const std::string& bytes, uint32_t result) {
    const uint64_t before = harness_.not_parsed(result);
    EXPECT_EQ(harness_.run(bytes, true), -1);
    EXPECT_EQ(harness_.not_parsed(result), before + 1);
    EXPECT_EQ(harness_.drain().traffic.sent.packets, 0U);
    EXPECT_EQ(harness_.flows().size(), 0U);
  }

  FlowHarness harness_;
};

TEST_F(FlowShapes, PlainIpv4) {
  expect_read({.version = 4});
}

TEST_F(FlowShapes, PlainIpv6) {
  expect_read({.version = 6});
}

TEST_F(FlowShapes, Ipv4WithOptions) {
  expect_read({.ip_options = 40});
}

TEST_F(FlowShapes, TcpWithOptions) {
  expect_read({.tcp_options = 40});
}

TEST_F(FlowShapes, OneTagOfAVlan) {
  expect_read({.tags = {0x8100}});
}

TEST_F(FlowShapes, TwoTagsAndIpv6) {
  expect_read({.version = 6, .tags = {0x88a8, 0x8100}});
}

TEST_F(FlowShapes, EveryExtensionHeaderOfIpv6) {
  // Hop-by-hop, routing, destination, authentication, and a fragment header of a whole packet.
  expect_read({.version = 6, .extensions = {0, 43, 60, 51, 44}});
}

TEST_F(FlowShapes, MoreTagsOrExtensionHeadersThanAreLookedAtAreCounted) {
  expect_refused(bytes_of({.tags = {0x88a8, 0x8100, 0x8100}}), SONDE_PARSE_EXTENSIONS);
  expect_refused(bytes_of({.version = 6, .extensions = {0, 60, 60, 60, 60, 60, 60}}), SONDE_PARSE_EXTENSIONS);
}

TEST_F(FlowShapes, FragmentsCountForTheirPairAlone) {
  Segment first{.payload = 64, .fragment = kMoreFragments};
  Segment last{.payload = 64, .fragment = 12};
  Segment six{.version = 6, .payload = 64, .extensions = {44}, .fragment = 1};
  for (const Segment& segment : {first, last, six}) harness_.see(segment);
  const auto sum = harness_.drain();
  EXPECT_EQ(sum.traffic.sent.bytes, ip_bytes(first) + ip_bytes(last) + ip_bytes(six));
  EXPECT_EQ(harness_.not_parsed(SONDE_PARSE_FRAGMENT), 3U);
  EXPECT_EQ(harness_.flows().size(), 0U);
}

TEST_F(FlowShapes, WhatIsNoIpIsNoFragmentOfIt) {
  std::string arp = bytes_of({});
  arp[13] = 0x06;
  expect_refused(arp, SONDE_PARSE_NOT_IP);
}

TEST_F(FlowShapes, AMacAddressThatCouldBeginAnIpHeaderIsOne) {
  for (const int version : {4, 6}) {
    Segment segment{.version = version, .flags = kSyn};
    std::string bytes = bytes_of(segment);
    bytes[0] = static_cast<char>(version << 4 | 6);
    harness_.run(bytes, true);
    EXPECT_EQ(harness_.drain().traffic.sent.bytes, ip_bytes(segment));
  }
}

TEST_F(FlowShapes, PacketsCutShortAnywhereAreRefused) {
  for (const int version : {4, 6}) {
    const Segment segment{.version = version, .flags = kSyn, .payload = 10, .tcp_options = 8};
    const std::string whole = bytes_of(segment);
    // The kernel gives programs no packet by hand that lacks a part of the fixed IP header.
    const size_t least = network_offset(segment) + (version == 4 ? 20 : 40);
    for (size_t size = least; size < whole.size(); ++size) {
      expect_refused(whole.substr(0, size), SONDE_PARSE_TRUNCATED);
    }
  }
}

TEST_F(FlowShapes, HeadersThatContradictThemselvesAreRefused) {
  const Segment four{.flags = kSyn, .payload = 10};
  const Segment six{.version = 6, .flags = kSyn, .payload = 10};
  const auto broken = [](const Segment& segment, size_t at, uint8_t value) {
    std::string bytes = bytes_of(segment);
    bytes[at] = static_cast<char>(value);
    return bytes;
  };
  const size_t ip = network_offset(four);
  const size_t tcp4 = transport_offset(four);
  const size_t tcp6 = transport_offset(six);
  struct Case {
    const char* what;
    std::string bytes;
  };
  const std::vector<Case> cases{
      {"IPv4 of another version", broken(four, ip, 0x55)},
      {"an IPv4 header of 16 bytes", broken(four, ip, 0x44)},
      {"an IPv4 header longer than the packet", broken(four, ip, 0x4f)},
      {"a total length below the header's", broken(four, ip + 3, 19)},
      {"a total length that cuts the TCP header", broken(four, ip + 3, 39)},
      {"a TCP header of 16 bytes", broken(four, tcp4 + 12, 0x40)},
      {"a TCP header longer than the packet", broken(four, tcp4 + 12, 0xf0)},
      {"SYN and FIN", broken(four, tcp4 + 13, kSyn | kFin)},
      {"SYN and RST", broken(four, tcp4 + 13, kSyn | kReset)},
      {"IPv6 of another version", broken(six, network_offset(six), 0x45)},
      {"an IPv6 payload that cuts the TCP header", broken(six, network_offset(six) + 5, 19)},
      {"a TCP header of 4 bytes over IPv6", broken(six, tcp6 + 12, 0x10)},
      {"an extension header longer than the packet",
       broken({.version = 6, .flags = kSyn, .extensions = {60}}, network_offset(six) + 41, 2)},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    expect_refused(one.bytes, SONDE_PARSE_MALFORMED);
  }
  // 0 is for packets above 64 KiB.
  std::string nothing = broken(four, ip + 3, 0);
  nothing[ip + 2] = 0;
  expect_refused(nothing, SONDE_PARSE_MALFORMED);
}

TEST_F(FlowShapes, RandomPacketsNeverCrashAndCountExactlyOnce) {
  constexpr int kPackets = 40'000;
  constexpr size_t kLeast = 14 + 40;  // the kernel gives programs no less by hand
  std::mt19937 random(std::random_device{}());
  const auto below = [&random](size_t bound) { return static_cast<size_t>(random() % bound); };
  const std::vector<Segment> shapes{
      {.payload = 40},
      {.payload = 40, .ip_options = 12, .tcp_options = 12},
      {.payload = 40, .protocol = 17},
      {.tags = {0x8100}},
      {.version = 6, .payload = 40},
      {.version = 6, .extensions = {0, 43, 60, 51, 44}},
  };
  const uint64_t start = clock_ns();
  uint64_t packets = 0;
  uint64_t samples = 0;
  uint64_t sum_ns = 0;
  const auto take = [&] {
    const exporter::PairDelta delta = harness_.drain();
    packets += delta.traffic.sent.packets + delta.traffic.received.packets;
    for (const latency_histogram* one :
         {&delta.samples.rtt, &delta.samples.local_rtt, &delta.samples.handshake}) {
      samples += count_of(*one);
      sum_ns += one->sum_ns;
    }
  };
  for (int i = 0; i < kPackets; ++i) {
    Segment segment = shapes[below(shapes.size())];
    segment.flags = static_cast<uint8_t>(random());
    segment.sequence = static_cast<uint32_t>(below(200));
    segment.acknowledgement = static_cast<uint32_t>(below(200));
    std::string bytes = bytes_of(segment);
    const size_t headers = transport_offset(segment) + 20;
    for (size_t changes = below(4); changes > 0; --changes) {
      bytes[12 + below(std::min(headers, bytes.size()) - 12)] = static_cast<char>(random());
    }
    if (below(8) == 0) bytes.resize(kLeast + below(bytes.size() - kLeast));
    ASSERT_EQ(harness_.run(bytes, random() % 2 == 0), -1);
  }
  take();
  uint64_t refused = 0;
  for (uint32_t result = 0; result < SONDE_PARSE_RESULTS; ++result) {
    if (result != SONDE_PARSE_FRAGMENT) refused += harness_.not_parsed(result);
  }
  EXPECT_EQ(packets + refused, static_cast<uint64_t>(kPackets));
  EXPECT_GT(refused, 1000U);
  EXPECT_GT(packets, 1000U);
  EXPECT_GT(harness_.not_parsed(SONDE_PARSE_FRAGMENT), 0U);
  // No time that anything took is longer than the test.
  EXPECT_LE(sum_ns, samples * (clock_ns() - start));
}

}  // namespace
}  // namespace sonde::test
