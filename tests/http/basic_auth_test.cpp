// Passwords, headers and the rate limit of --web.config.file, as clients see them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/http/secure_server.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;

// "U*U"
const std::string kUsers =
    "basic_auth_users:\n  alice: $2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";

TEST(BasicAuth, EveryPathIsForUsersAlone) {
  const auto server = serve("users.yml", kUsers);
  for (const char* path : {"/", "/metrics", "/-/healthy", "/-/ready", "/nope"}) {
    const auto answer = get(server->port(), path);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 401) << path;
    EXPECT_EQ(answer->headers.at("www-authenticate"), "Basic realm=\"sonde-test\", charset=\"UTF-8\"");
    EXPECT_EQ(answer->body, "user and password are wanted here\n");
  }
  for (const char* path : {"/", "/metrics", "/-/healthy", "/-/ready"}) {
    EXPECT_EQ(get(server->port(), path, basic("alice", "U*U"))->status, 200) << path;
  }
  EXPECT_EQ(get(server->port(), "/nope", basic("alice", "U*U"))->status, 404);
}

TEST(BasicAuth, WrongPasswordsUnknownUsersAndOtherSchemesAreRefusedAlike) {
  const auto server = serve("users.yml", kUsers);
  for (const std::string& header :
       {basic("alice", "u*u"), basic("alice", ""), basic("bob", "U*U"), basic("", ""), basic("Alice", "U*U"),
        basic("alice", std::string("U*U\0", 4)), std::string("Authorization: Bearer U*U\r\n"),
        std::string("Authorization: Basic !!!!\r\n"), basic("alice", std::string(5000, 'x'))}) {
    const auto answer = get(server->port(), "/metrics", header);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 401) << header;
    EXPECT_EQ(answer->body, "user and password are wanted here\n");
  }
  EXPECT_EQ(get(server->port(), "/metrics", basic("alice", "U*U"))->status, 200);
}

TEST(BasicAuth, APageDoesNotSeeThePassword) {
  WebOptions options;
  options.config_file = write_config("seen.yml", kUsers);
  TestServer test(options);
  test.server.get("/echo", [](const Request& request) {
    Response response;
    for (const auto& [name, value] : request.headers) response.body += name + ": " + value + "\n";
    return response;
  });
  test.start();
  const auto answer = get(test.port(), "/echo", basic("alice", "U*U"));
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "host: test\n");
}

TEST(BasicAuth, WorksOverTls) {
  const auto server = serve("both.yml", tls_lines() + kUsers);
  EXPECT_THAT(TlsClient(server->port(), trusting("ca")).get("/metrics"), HasSubstr("401 Unauthorized"));
  EXPECT_THAT(TlsClient(server->port(), trusting("ca")).get("/metrics", basic("alice", "U*U")),
              HasSubstr("sonde_test_up 1\n"));
}

TEST(BasicAuth, AUserWhoIsTakenOutIsOutWithoutARestart) {
  const auto server = serve("out.yml", kUsers + "  bob: " + kUsers.substr(kUsers.find('$')));
  EXPECT_EQ(get(server->port(), "/metrics", basic("alice", "U*U"))->status, 200);
  EXPECT_EQ(get(server->port(), "/metrics", basic("bob", "U*U"))->status, 200);
  write_config("out.yml", kUsers);
  int status = 0;
  for (int i = 0; i < 100 && status != 401; ++i) {
    status = get(server->port(), "/metrics", basic("bob", "U*U"))->status;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(status, 401);
  EXPECT_EQ(get(server->port(), "/metrics", basic("alice", "U*U"))->status, 200);
}

TEST(BasicAuth, AFloodOfGuessesLeavesScrapesAlone) {
  const auto server = serve("flood.yml", kUsers);
  ASSERT_EQ(get(server->port(), "/metrics", basic("alice", "U*U"))->status, 200);
  std::atomic<bool> over{false};
  std::atomic<int> refused{0};
  std::vector<std::jthread> guessers;
  for (int i = 0; i < 16; ++i) {
    guessers.emplace_back([&, i] {
      for (int n = 0; !over; ++n) {
        const auto answer =
            get(server->port(), "/metrics", basic("alice", std::to_string(i) + "-" + std::to_string(n)));
        ASSERT_TRUE(answer);
        ASSERT_TRUE(answer->status == 401 || answer->status == 503) << answer->status;
        ++refused;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(get(server->port(), "/metrics", basic("alice", "U*U"))->status, 200) << i;
  }
  while (refused < 50) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  over = true;
}

TEST(WebHeaders, StandInEveryAnswerOnceAndAPagesOwnGoFirst) {
  const auto server = serve("headers.yml", kUsers + R"(http_server_config:
  headers:
    Content-Security-Policy: default-src 'self'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    Strict-Transport-Security: max-age=5
)");
  for (const char* path : {"/metrics", "/nope", "/"}) {
    for (const std::string& who : {basic("alice", "U*U"), std::string()}) {
      const auto answer = get(server->port(), path, who);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->headers.at("x-frame-options"), "deny");
      EXPECT_EQ(answer->headers.at("x-content-type-options"), "nosniff");
      EXPECT_EQ(answer->headers.at("strict-transport-security"), "max-age=5");
    }
  }
  EXPECT_EQ(get(server->port(), "/metrics", basic("alice", "U*U"))->headers.at("content-security-policy"),
            "default-src 'self'");
  EXPECT_THAT(get(server->port(), "/", basic("alice", "U*U"))->headers.at("content-security-policy"),
              HasSubstr("'none'"));
}

TEST(RateLimit, TurnsAwayWhatIsBeyondTheBurst) {
  const auto server = serve("rate.yml", "rate_limit: {interval: 1h, burst: 3}\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(server->port(), "/metrics")->status, 200);
  const auto answer = get(server->port(), "/-/healthy");
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->body, "too many requests (rate_limit of --web.config.file)\n");
}

}  // namespace
}  // namespace sonde::http
