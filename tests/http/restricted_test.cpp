// Pages that are for this host alone, or for authenticated clients.

#include "common/http/restricted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/http/raw_client.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;

Request from(const std::string& address, std::map<std::string, std::string> headers = {}) {
  Request request;
  request.remote_address = address;
  request.headers = std::move(headers);
  request.headers.emplace("host", "localhost:9756");
  return request;
}

TEST(Restricted, LoopbackIsAWholeNetworkOfIPv4AndOneAddressOfIPv6) {
  for (const char* address : {"127.0.0.1", "127.255.3.4", "::1"})
    EXPECT_TRUE(is_loopback(address)) << address;
  for (const char* address : {"128.0.0.1", "126.255.255.255", "10.0.0.1", "::2", "::", "fe80::1", "localhost",
                              "127.1", "127.0.0.1.example.org", ""}) {
    EXPECT_FALSE(is_loopback(address)) << address;
  }
}

TEST(Restricted, ClientsOfThisHostMayWhoeverTheyAre) {
  for (const char* address : {"127.0.0.1", "::1"}) EXPECT_EQ(refuse_unless_trusted(from(address)), "");
  for (const char* host : {"127.0.0.1", "127.0.0.1:80", "[::1]:9756", "[::1]", "localhost"}) {
    EXPECT_EQ(refuse_unless_trusted(from("127.0.0.1", {{"host", host}})), "") << host;
  }
  EXPECT_EQ(refuse_unless_trusted(from("127.0.0.1", {{"origin", "http://localhost:9756"}})), "");
}

TEST(Restricted, OthersMayNotAndLearnWhatWouldHelp) {
  for (const char* address : {"10.0.0.1", "fe80::1", "192.0.2.7", ""}) {
    const std::string reason = refuse_unless_trusted(from(address));
    EXPECT_THAT(reason, HasSubstr("--web.config.file")) << address;
    EXPECT_THAT(reason, HasSubstr(address));
  }
  Request known = from("192.0.2.7");
  known.authenticated = true;
  EXPECT_EQ(refuse_unless_trusted(known), "");
}

TEST(Restricted, WhatAsksOnThisHostInTheNameOfOthersMayNot) {
  for (const char* header : {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"}) {
    EXPECT_THAT(refuse_unless_trusted(from("127.0.0.1", {{header, "192.0.2.7"}})), HasSubstr("proxy"))
        << header;
  }
  for (const char* host : {"example.org", "127.0.0.1.example.org", "[::2]", "[", "", ":80"}) {
    EXPECT_THAT(refuse_unless_trusted(from("127.0.0.1", {{"host", host}})), HasSubstr("Host")) << host;
  }
  for (const char* origin : {"http://example.org", "null", "http://localhost:9756.example.org"}) {
    EXPECT_THAT(refuse_unless_trusted(from("127.0.0.1", {{"origin", origin}})), HasSubstr("Origin"))
        << origin;
  }
}

TEST(Restricted, APageOfAServer) {
  TestServer test;
  int served = 0;
  test.server.get("/flows", Server::restricted([&served](const Request&) {
                    ++served;
                    return Response{};
                  }));
  test.start();
  const auto ask = [&](const std::string& host) {
    RawClient client(test.port());
    client.send("GET /flows HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.read_answer();
  };
  EXPECT_EQ(ask("127.0.0.1")->status, 200);
  EXPECT_EQ(served, 1);
  const auto refused = ask("example.org");
  EXPECT_EQ(refused->status, 403);
  EXPECT_THAT(refused->body, HasSubstr("--web.config.file"));
  EXPECT_EQ(served, 1);
}

}  // namespace
}  // namespace sonde::http
