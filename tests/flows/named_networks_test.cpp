#include "exporter/flows/named_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

using testing::HasSubstr;

flow_address address(const char* text) {
  return *parse_address(text);
}

TEST(Address, OfBothFamiliesIsReadAndWritten) {
  for (const char* text : {"10.1.2.3", "0.0.0.0", "255.255.255.255", "fe80::1", "::", "2001:db8::ffff:1"}) {
    ASSERT_TRUE(parse_address(text)) << text;
    EXPECT_EQ(address_text(*parse_address(text)), text);
  }
  EXPECT_EQ(address_text(address("::ffff:10.1.2.3")), "10.1.2.3") << "one address, one text";
  EXPECT_TRUE(is_ipv4(address("10.1.2.3")));
  EXPECT_FALSE(is_ipv4(address("::")));
  for (const char* text :
       {"", "10.1.2", "10.1.2.3.4", "10.1.2.256", "fe80::1%eth0", "fe80:::1", " 10.1.2.3", "x"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(NamedNetworks, TheLongestPrefixNamesAnAddress) {
  NamedNetworks networks;
  ASSERT_TRUE(
      networks.add("all=10.0.0.0/8,services=10.96.0.0/12,dns=10.96.0.10/32,six=fd00::/8,deep=fd00:1::/33"));
  ASSERT_TRUE(networks.add("services=172.20.0.0/16"))
      << "a name may have several networks, a flag may be repeated";
  const auto name_of = [&](const char* text) {
    const std::string* name = networks.find(address(text));
    return name == nullptr ? std::string() : *name;
  };
  EXPECT_EQ(name_of("10.96.0.10"), "dns");
  EXPECT_EQ(name_of("10.96.0.11"), "services");
  EXPECT_EQ(name_of("10.111.255.255"), "services");
  EXPECT_EQ(name_of("10.112.0.0"), "all");
  EXPECT_EQ(name_of("11.0.0.0"), "");
  EXPECT_EQ(name_of("172.20.9.9"), "services");
  EXPECT_EQ(name_of("fd00:1:7fff::1"), "deep");
  EXPECT_EQ(name_of("fd00:1:8000::1"), "six");
  EXPECT_EQ(name_of("fe00::1"), "");
}

TEST(NamedNetworks, ThatAreTheWholeInternetAreOfTheirFamilyAlone) {
  NamedNetworks four;
  ASSERT_TRUE(four.add("four=0.0.0.0/0"));
  EXPECT_NE(four.find(address("192.0.2.1")), nullptr);
  EXPECT_EQ(four.find(address("2001:db8::1")), nullptr);
  NamedNetworks six;
  ASSERT_TRUE(six.add("six=::/0"));
  EXPECT_EQ(six.find(address("192.0.2.1")), nullptr);
  EXPECT_NE(six.find(address("2001:db8::1")), nullptr);
}

TEST(NamedNetworks, WhatIsWrongIsSaidWithTheEntryAndTheRemedyAndNothingIsTaken) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "NAME=ADDRESS/BITS"},
      {"services", "NAME=ADDRESS/BITS"},
      {"services=10.0.0.0", "NAME=ADDRESS/BITS"},
      {"a/b", "NAME=ADDRESS/BITS"},
      {"good=10.0.0.0/8,", "NAME=ADDRESS/BITS"},
      {"=10.0.0.0/8", "the name"},
      {"~private=10.0.0.0/8", "the name"},
      {"a b=10.0.0.0/8", "the name"},
      {"s=10.0.0.256/8", "no IPv4 or IPv6 address"},
      {"s=host/8", "no IPv4 or IPv6 address"},
      {"s=10.0.0.0/33", "0 to 32"},
      {"s=fd00::/129", "0 to 128"},
      {"s=10.0.0.0/", "0 to 32"},
      {"s=10.0.0.0/8x", "0 to 32"},
      {"s=10.0.0.0/-1", "0 to 32"},
      {"s=10.1.0.0/8", "the network is 10.0.0.0/8"},
      {"s=fd00:1::/8", "the network is fd00::/8"},
      {"s=10.0.0.0/8,t=10.0.0.0/8", "the name s already"},
  };
  for (const auto& [text, why] : cases) {
    NamedNetworks networks;
    const auto added = networks.add(text);
    ASSERT_FALSE(added) << text;
    EXPECT_EQ(added.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(added.error().message, HasSubstr("--flows.networks: ")) << text;
    EXPECT_THAT(added.error().message, HasSubstr(why)) << text;
    EXPECT_EQ(networks.size(), 0U) << text;
  }
}

TEST(NamedNetworks, AreBounded) {
  NamedNetworks networks;
  std::string text;
  for (size_t i = 0; i <= NamedNetworks::kMostNetworks; ++i) {
    if (i > 0) text += ',';
    text += "n=10." + std::to_string(i / 256) + '.' + std::to_string(i % 256) + ".0/24";
  }
  EXPECT_THAT(networks.add(text).error().message, HasSubstr("at most 4096 networks"));
  EXPECT_TRUE(networks.add(text.substr(0, text.rfind(','))));
}

TEST(AddressClass, IsThatOfTheRegistries) {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1", "~loopback"},     {"::1", "~loopback"},        {"10.255.0.1", "~private"},
      {"172.15.0.1", "~public"},      {"172.16.0.1", "~private"},  {"172.31.255.255", "~private"},
      {"172.32.0.1", "~public"},      {"192.168.7.7", "~private"}, {"100.64.0.1", "~private"},
      {"100.128.0.1", "~public"},     {"fd12::1", "~private"},     {"fc00::", "~private"},
      {"169.254.1.1", "~link_local"}, {"fe80::1", "~link_local"},  {"febf::1", "~link_local"},
      {"fec0::1", "~public"},         {"0.0.0.0", "~link_local"},  {"224.0.0.251", "~multicast"},
      {"239.1.1.1", "~multicast"},    {"240.0.0.1", "~public"},    {"255.255.255.255", "~multicast"},
      {"ff02::1", "~multicast"},      {"2001:db8::1", "~public"},  {"9.9.9.9", "~public"},
  };
  for (const auto& [text, word] : cases) EXPECT_EQ(class_word(class_of(address(text))), word) << text;
}

}  // namespace
}  // namespace sonde::exporter
