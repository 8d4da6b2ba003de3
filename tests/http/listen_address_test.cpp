#include "common/http/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/http/raw_client.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddress, ReadsHostAndPort) {
  const auto host = parse_listen_address("localhost:9756");
  ASSERT_TRUE(host);
  EXPECT_EQ(host->host, "localhost");
  EXPECT_EQ(host->port, 9756);
  EXPECT_EQ(parse_listen_address(":0")->host, "");
  EXPECT_EQ(parse_listen_address("[::1]:65535")->host, "::1");
  EXPECT_EQ(parse_listen_address("[::1]:65535")->port, 65535);
}

TEST(ListenAddress, AWrongOneIsOneLineThatNamesFlagValueAndRemedy) {
  for (const char* wrong : {"", "localhost", "9756", ":", ":http", ":65536", ":-1", "::1:9756", "[::1:9756",
                            "[]:1", "http://localhost:9756", "a b:1", ":1 ", ":+1"}) {
    const auto address = parse_listen_address(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(address.error().message, HasSubstr(std::string("--web.listen-address=") + wrong + ": "));
    EXPECT_THAT(address.error().message, HasSubstr("use host:port"));
    EXPECT_EQ(std::count(address.error().message.begin(), address.error().message.end(), '\n'), 0);
  }
}

TEST(ListenAddress, PortZeroTakesAFreeOne) {
  const auto first = listen_on({"127.0.0.1", 0});
  const auto second = listen_on({"127.0.0.1", 0});
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_NE(first->port, 0);
  EXPECT_NE(first->port, second->port);
}

TEST(ListenAddress, APortThatIsTakenSaysSo) {
  const auto first = listen_on({"127.0.0.1", 0});
  ASSERT_TRUE(first);
  const auto second = listen_on({"127.0.0.1", first->port});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(first->port)));
  EXPECT_THAT(second.error().message, HasSubstr("another program listens there"));
}

TEST(ListenAddress, APortTakenOnAllAddressesSaysSoToo) {
  const auto first = listen_on({"", 0});
  ASSERT_TRUE(first);
  EXPECT_FALSE(listen_on({"", first->port}));
}

TEST(ListenAddress, AnAddressOfAnotherMachineSaysSo) {
  const auto listener = listen_on({"192.0.2.1", 0});  // TEST-NET-1 of RFC 5737: nobody's
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().message, HasSubstr("not an address of this machine"));
}

TEST(ListenAddress, AHostThatDoesNotExistSaysSo) {
  const auto listener = listen_on({"no-such-host.invalid", 1});
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().message, HasSubstr("--web.listen-address=no-such-host.invalid:1: "));
}

TEST(ListenAddress, AnEmptyHostServesIpv4) {
  const auto listener = listen_on({"", 0});
  ASSERT_TRUE(listener);
  const RawClient client(listener->port);  // connects to 127.0.0.1 and fails the test if it cannot
}

}  // namespace
}  // namespace sonde::http
