// What clients can do to a TLS server before and after the handshake, each against a valid scrape.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/memory_bound.h"
#include "tests/http/secure_server.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;

/// The first flight of a client, as OpenSSL would send it.
std::string client_hello() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
  SSL_connect(ssl);
  ERR_clear_error();
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string hello(data, static_cast<size_t>(size));
  SSL_free(ssl);
  SSL_CTX_free(context);
  return hello;
}

class TlsAttack : public ::testing::Test {
 protected:
  void SetUp() override {
    WebOptions options;
    options.config_file = write_config("attack.yml", tls_lines());
    test_ = std::make_unique<TestServer>(options);
    test_->server.post("/in", [](const Request&) { return Response{}; });
    test_->server.get("/large", [](const Request&) {
      Response response;
      response.body.assign(8 * kMebibyte, 'x');
      return response;
    });
    test_->start();
    ASSERT_TRUE(scrape_works());
  }
  void TearDown() override { EXPECT_TRUE(scrape_works()); }

  [[nodiscard]] uint16_t port() const { return test_->port(); }
  [[nodiscard]] bool scrape_works() const {
    TlsClient client(port(), trusting("ca"));
    const std::string answer = client.get("/metrics");
    EXPECT_EQ(client.error(), "");
    return answer.ends_with("sonde_test_up 1\n");
  }

  std::unique_ptr<TestServer> test_;
};

TEST_F(TlsAttack, HundredsOfUnfinishedHandshakesDelayNoScrape) {
#ifndef SONDE_FREED_MEMORY_STAYS
  const MemoryBound bound;
#endif
  const std::string hello = client_hello();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (size_t i = 0; i < 600; ++i) {
    clients.push_back(std::make_unique<RawClient>(port()));
    // Nothing, a byte, half a hello, or a whole one whose answer is never taken.
    const size_t sizes[] = {0, 1, hello.size() / 2, hello.size()};
    clients.back()->try_send(hello.substr(0, sizes[i % 4]));
    if (i % 100 != 99) continue;
    EXPECT_TRUE(scrape_works()) << "after " << i + 1;
  }
}

TEST_F(TlsAttack, AHelloInDripsIsEndedAfterTenSeconds) {
  const std::string hello = client_hello();
  RawClient client(port());
  const auto begin = std::chrono::steady_clock::now();
  size_t sent = 0;
  bool open = true;
  while (open && std::chrono::steady_clock::now() - begin < std::chrono::seconds(30)) {
    open = client.try_send(hello.substr(sent, 1));
    if (sent + 2 < hello.size()) ++sent;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_FALSE(open);
  const auto lasted = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(lasted, std::chrono::seconds(9));
  EXPECT_LT(lasted, std::chrono::seconds(20));
}

TEST_F(TlsAttack, GarbageEndsTheHandshake) {
  const std::string hello = client_hello();
  std::string longest = hello;
  longest.replace(3, 2, "\xff\xff");
  for (const std::string& bytes :
       {std::string(5000, '\0'), std::string(5000, '\x16'), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("\x15\x03\x03\x00\x02\x02\x28", 7), longest + std::string(70000, 'x'), hello + hello,
        hello + std::string(20000, '\x17')}) {
    RawClient client(port());
    client.send(bytes);
    EXPECT_TRUE(client.hangs_up());
  }
}

TEST_F(TlsAttack, AHeaderLineOf64MegabytesIsCutOff) {
  const MemoryBound bound;
  TlsClient client(port(), trusting("ca"));
  ASSERT_TRUE(client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nX: "));
  const std::string chunk(16384, 'a');
  size_t sent = 0;
  while (sent < 64 * kMebibyte && client.send(chunk)) sent += chunk.size();
  EXPECT_LT(sent, 64 * kMebibyte) << "the server read it all";
}

TEST_F(TlsAttack, ARequestInDripsIsRefusedInTime) {
  TlsClient client(port(), trusting("ca"));
  ASSERT_TRUE(client.send("GET /metrics HTTP/1.1\r\nX: "));
  const auto begin = std::chrono::steady_clock::now();
  while (client.send("a") && std::chrono::steady_clock::now() - begin < std::chrono::seconds(10)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(1500)) break;
  }
  EXPECT_THAT(client.receive_all(), HasSubstr("408 Request Timeout"));
}

TEST_F(TlsAttack, GuardAndRefusalsWorkAsWithoutTls) {
  for (const auto& [request, status] : std::vector<std::pair<std::string, std::string>>{
           {"POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "501 "},
           {"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", "413 "},
           {"POST /in HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n\r\n", "415 "},
           {"GET / HTTP/2.0\r\n\r\n", "505 "}}) {
    TlsClient client(port(), trusting("ca"));
    ASSERT_TRUE(client.send(request));
    EXPECT_THAT(client.receive_all(), HasSubstr("HTTP/1.1 " + status));
  }
}

TEST_F(TlsAttack, KeyUpdatesWithoutEndEndTheConnection) {
  TlsClient client(port(), trusting("ca"));
  const auto update = [&] {
    return SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(client.ssl()) == 1;
  };
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(update());
  ASSERT_TRUE(client.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string answer(20, '\0');
  ASSERT_EQ(SSL_read(client.ssl(), answer.data(), 15), 15);
  size_t updates = 0;
  while (updates < 100'000 && update()) ++updates;
  EXPECT_LT(updates, 100'000U);
}

TEST_F(TlsAttack, ARenegotiationIsRefused) {
  TlsClientOptions options = trusting("ca");
  options.max_version = TLS1_2_VERSION;
  TlsClient client(port(), options);
  ASSERT_EQ(client.error(), "");
  SSL_renegotiate(client.ssl());
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
}

TEST_F(TlsAttack, SessionsAreNotResumed) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions options = trusting("ca");
    options.max_version = version;
    TlsClient first(port(), options);
    ASSERT_NE(first.get("/metrics"), "");
    const SSL_SESSION* const session = SSL_get0_session(first.ssl());
    EXPECT_EQ(SSL_SESSION_is_resumable(session), 0) << version;
  }
}

TEST_F(TlsAttack, ClientsThatDoNotReadTheirAnswersDelayNoScrape) {
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TlsClient>(port(), trusting("ca")));
    ASSERT_TRUE(clients.back()->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(scrape_works()) << i;
  }
}

TEST_F(TlsAttack, StopsWhileClientsHang) {
  const RawClient silent(port());
  RawClient halfway(port());
  halfway.send(client_hello().substr(0, 100));
  TlsClient never_reads(port(), trusting("ca"));
  never_reads.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  test_->server.stop();  // if it hung, the test's time would run out
  test_ = std::make_unique<TestServer>([] {
    WebOptions options;
    options.config_file = write_config("attack.yml", tls_lines());
    return options;
  }());
  test_->start();
}

}  // namespace
}  // namespace sonde::http
