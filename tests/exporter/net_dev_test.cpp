#include "exporter/net_dev.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace sonde::exporter {
namespace {

const std::string kHeading = "Inter-|   Receive                 |  Transmit\n face |bytes packets …\n";

TEST(NetDev, TakesTheEightColumnsThatAreCounted) {
  const std::string text = kHeading + "  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
  const NetDev read = parse_net_dev(text);
  ASSERT_EQ(read.devices.size(), 1U);
  EXPECT_EQ(read.devices[0].name, "eth0");
  EXPECT_EQ(read.devices[0].counters, (NetDevCounters{1, 2, 3, 4, 9, 10, 11, 12}));
  EXPECT_EQ(read.malformed, 0U);
}

TEST(NetDev, TakesNamesOfAnyLengthAndWithColons) {
  const std::string text = kHeading +
                           "eth0:1:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                           "a-long-name-0:0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
  const NetDev read = parse_net_dev(text);
  ASSERT_EQ(read.devices.size(), 2U);
  EXPECT_EQ(read.devices[0].name, "eth0:1");
  EXPECT_EQ(read.devices[0].counters[0], UINT64_MAX);
  EXPECT_EQ(read.devices[1].name, "a-long-name-0");
}

TEST(NetDev, CountsLinesOfAnotherForm) {
  const std::string text = kHeading +
                           "eth0: 1 2 3\n"
                           "eth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n"
                           "eth2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551616\n"
                           ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                           "no colon\n\n";
  const NetDev read = parse_net_dev(text);
  EXPECT_TRUE(read.devices.empty());
  EXPECT_EQ(read.malformed, 6U);
}

TEST(NetDev, OfNothingIsEmpty) {
  EXPECT_TRUE(parse_net_dev("").devices.empty());
  EXPECT_TRUE(parse_net_dev(kHeading).devices.empty());
}

TEST(NetDev, OfThisMachineHasTheLoopback) {
  std::ifstream file("/proc/self/net/dev");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const NetDev read = parse_net_dev(text);
  EXPECT_EQ(read.malformed, 0U);
  bool loopback = false;
  for (const NetDevice& device : read.devices) loopback |= device.name == "lo";
  EXPECT_TRUE(loopback);
}

}  // namespace
}  // namespace sonde::exporter
