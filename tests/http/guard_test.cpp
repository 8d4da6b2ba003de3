#include "common/http/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace sonde::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using State = RequestGuard::State;

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n";

/// Feeds the bytes in pieces of that size; the outcome must not depend on it.
RequestGuard fed(const std::string& bytes, size_t piece) {
  RequestGuard guard;
  for (size_t i = 0; i < bytes.size(); i += piece) guard.add(std::string_view(bytes).substr(i, piece));
  return guard;
}

class GuardInPieces : public ::testing::TestWithParam<size_t> {
 protected:
  [[nodiscard]] GuardedRequest accepted(const std::string& bytes) const {
    RequestGuard guard = fed(bytes, GetParam());
    EXPECT_EQ(guard.state(), State::kComplete) << guard.refusal().reason;
    return guard.state() == State::kComplete ? guard.take() : GuardedRequest{};
  }
  [[nodiscard]] int refused(const std::string& bytes) const {
    const RequestGuard guard = fed(bytes, GetParam());
    return guard.state() == State::kRefused ? guard.refusal().status : 0;
  }
};
INSTANTIATE_TEST_SUITE_P(Pieces, GuardInPieces, ::testing::Values(1, 2, 7, 1000000));

TEST_P(GuardInPieces, APlainRequestPassesUnchanged) {
  const GuardedRequest request = accepted(kGet + "Accept: text/plain\r\n\r\n");
  EXPECT_EQ(request.head, kGet + "Accept: text/plain\r\n\r\n");
  EXPECT_EQ(request.body, "");
  EXPECT_FALSE(request.close);
}

TEST_P(GuardInPieces, ABodyIsExactlyAsLongAsAnnounced) {
  const GuardedRequest request =
      accepted("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab\r\ncrest");
  EXPECT_EQ(request.body, "ab\r\nc");
}

TEST_P(GuardInPieces, PipelinedRequestsComeOutOneByOne) {
  RequestGuard guard =
      fed("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nZGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET",
          GetParam());
  ASSERT_EQ(guard.state(), State::kComplete);
  EXPECT_THAT(guard.take().head, HasSubstr("/1"));
  ASSERT_EQ(guard.state(), State::kComplete);
  EXPECT_THAT(guard.take().head, HasSubstr("/2"));
  EXPECT_EQ(guard.state(), State::kReading);
}

TEST_P(GuardInPieces, HeadersThatTheLibraryTakesForItsOwnAreDropped) {
  const std::string head =
      accepted(kGet +
               "REMOTE_ADDR: 6.6.6.6\r\nremote_port: 1\r\nLocal_Addr: 6.6.6.6\r\nLOCAL_PORT: 1\r\n"
               "Range: bytes=0-1\r\nX: kept\r\n\r\n")
          .head;
  EXPECT_EQ(head, kGet + "X: kept\r\n\r\n");
}

TEST_P(GuardInPieces, PercentSignsInValuesSurviveTheLibrarysDecoding) {
  EXPECT_THAT(accepted(kGet + "X: a%0d%0aSet-Cookie: b%u000a\r\n\r\n").head,
              HasSubstr("X: a%250d%250aSet-Cookie: b%25u000a\r\n"));
}

TEST_P(GuardInPieces, ConnectionHeadersDecideWhetherTheConnectionStays) {
  EXPECT_TRUE(accepted(kGet + "Connection: Close\r\n\r\n").close);
  EXPECT_TRUE(accepted(kGet + "Connection: foo , close\r\n\r\n").close);
  EXPECT_FALSE(accepted(kGet + "Connection: keep-alive\r\n\r\n").close);
  EXPECT_TRUE(accepted("GET / HTTP/1.0\r\n\r\n").close);
  EXPECT_FALSE(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").close);
}

TEST_P(GuardInPieces, EncodedBodiesAreRefusedAtTheirHeader) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(refused(post + "Transfer-Encoding: chunked\r\n"), 501);
  EXPECT_EQ(refused(post + "transfer-encoding: identity\r\n"), 501);
  EXPECT_EQ(refused(post + "Content-Encoding: gzip\r\n"), 415);
}

TEST_P(GuardInPieces, LengthsThatLieOrAreTooLongAreRefused) {
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  for (const std::string wrong : {"-1", "+1", "0x10", "1 1", "1,1", "", "1e3", "%31"}) {
    EXPECT_EQ(refused(post + "Content-Length: " + wrong + "\r\n\r\n"), 400) << wrong;
  }
  EXPECT_EQ(refused(post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400);
  EXPECT_EQ(refused(post + "Content-Length: 65536\r\n\r\n"), 413);
  EXPECT_EQ(refused(post + "Content-Length: 18446744073709551615\r\n\r\n"), 413);
  EXPECT_EQ(refused(post + "Content-Length: 18446744073709551616\r\n\r\n"), 413);
}

TEST_P(GuardInPieces, WhatIsNotHttpIsRefused) {
  for (const std::string& wrong :
       {std::string("\r\n"), std::string("GET\r\n"), std::string("GET /\r\n"),
        std::string("GET  HTTP/1.1\r\n"), std::string("GET / HTTP/1.1 \r\n"),
        std::string("GET /a b HTTP/1.1\r\n"), std::string("G@T / HTTP/1.1\r\n"),
        std::string("GET /\x7f HTTP/1.1\r\n"), std::string("GET /\xc3\xbc HTTP/1.1\r\n"),
        std::string("GET / HTTP/1.1\n"), std::string("GET /\0 HTTP/1.1\r\n", 17),
        std::string("\x16\x03\x01\x02\n")}) {
    EXPECT_THAT(refused(wrong), ::testing::AnyOf(400, 505)) << wrong;
  }
  EXPECT_EQ(refused("GET / HTTP/2.0\r\n"), 505);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(refused(kGet + "Host: y\r\n"), 400);
}

TEST_P(GuardInPieces, MalformedHeadersAreRefused) {
  for (const std::string& wrong :
       {std::string("no colon"), std::string(": no name"), std::string("bad name: x"),
        std::string("name : x"), std::string(" continued"), std::string("\tcontinued"),
        std::string("X: a\rb"), std::string("X: a\0b", 6), std::string("X: \x1b[31m"),
        std::string("X\x80: a")}) {
    EXPECT_EQ(refused(kGet + wrong + "\r\n"), 400) << wrong;
  }
  EXPECT_EQ(refused(kGet + "X: a\nY: b\r\n"), 400);
}

TEST_P(GuardInPieces, LongLinesAndManyHeadersAreRefusedBeforeTheyEnd) {
  EXPECT_EQ(refused("GET /" + std::string(8100, 'a')), 414);
  EXPECT_EQ(refused(kGet + "X: " + std::string(8100, 'a')), 431);
  std::string many = kGet;
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  EXPECT_EQ(refused(many), 431);
  std::string large = kGet;
  for (int i = 0; i < 9; ++i) large += "X: " + std::string(7900, 'a') + "\r\n";
  EXPECT_EQ(refused(large), 431);
}

TEST_P(GuardInPieces, LimitsAreReachedExactly) {
  const std::string longest(7990, 'a');
  EXPECT_THAT(accepted(kGet + "X-Long: " + longest + "\r\n\r\n").head, HasSubstr(longest));
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65485\r\n\r\n";
  ASSERT_EQ(head.size() + 65485, 65536U) << "head and body fill the budget to the byte";
  EXPECT_EQ(accepted(head + std::string(65485, 'b')).body.size(), 65485U);
}

TEST(RequestGuard, AClientThatAsksToContinueIsToldOnce) {
  RequestGuard guard;
  guard.add("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(guard.take_expects_continue());
  EXPECT_FALSE(guard.take_expects_continue());
  guard.add("ab");
  ASSERT_EQ(guard.state(), State::kComplete);
  EXPECT_THAT(guard.take().head, Not(HasSubstr("Expect")));
}

TEST(RequestGuard, OtherExpectationsAreRefused) {
  RequestGuard guard;
  guard.add(kGet + "Expect: miracles\r\n");
  ASSERT_EQ(guard.state(), State::kRefused);
  EXPECT_EQ(guard.refusal().status, 417);
}

TEST(RequestGuard, NothingIsKeptAfterARefusal) {
  RequestGuard guard;
  guard.add("nonsense\r\n");
  ASSERT_EQ(guard.state(), State::kRefused);
  guard.add(kGet + "\r\n");
  EXPECT_EQ(guard.state(), State::kRefused);
}

}  // namespace
}  // namespace sonde::http
