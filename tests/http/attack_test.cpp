// What clients can do to a server, each against a valid scrape and a bound on the process's memory. The
// attacks are those that cpp-httplib 0.11.4 falls to by itself (docs/decisions/http-guard.md).

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <zlib.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/memory_bound.h"
#include "tests/http/raw_client.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;

class Attack : public ::testing::Test {
 protected:
  void SetUp() override {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;  // server and clients share this process's descriptors
    ::setrlimit(RLIMIT_NOFILE, &limit);
    test_.server.post("/in", [this](const Request& request) {
      largest_body_ = std::max<size_t>(largest_body_.load(), request.body.size());
      return Response{};
    });
    test_.server.get("/echo", [](const Request& request) {
      Response response;
      for (const auto& [name, value] : request.headers) response.body += name + ": " + value + "\n";
      response.body += "peer " + request.remote_address + "\n";
      return response;
    });
    test_.server.get("/large", [](const Request&) {
      Response response;
      response.body.assign(8 * kMebibyte, 'x');
      return response;
    });
    test_.server.get("/medium", [](const Request&) {
      Response response;
      response.body.assign(200UL * 1024, 'x');
      return response;
    });
    test_.start();
    warm_up();
  }

  void TearDown() override { EXPECT_TRUE(scrape_works()); }

  [[nodiscard]] bool scrape_works() const {
    const auto answer = get(test_.port(), "/metrics");
    return answer && answer->status == 200 && answer->body.ends_with("sonde_test_up 1\n");
  }

  /// So that buffers which every client causes once are not counted as an attack's.
  void warm_up() const {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(scrape_works());
  }

  TestServer test_;
  std::atomic<size_t> largest_body_{0};
};

TEST_F(Attack, AHeaderLineOf128MegabytesIsCutOff) {
  const MemoryBound bound;
  RawClient client(test_.port());
  ASSERT_TRUE(client.send("GET /metrics HTTP/1.1\r\nHost: x\r\nX: "));
  const size_t taken = client.send_repeated(std::string(kMebibyte, 'a'), 128 * kMebibyte);
  EXPECT_LT(taken, 128 * kMebibyte) << "the server read it all";
}

TEST_F(Attack, ARequestLineOf128MegabytesIsCutOff) {
  const MemoryBound bound;
  RawClient client(test_.port());
  ASSERT_TRUE(client.send("GET /"));
  EXPECT_LT(client.send_repeated(std::string(kMebibyte, 'a'), 128 * kMebibyte), 128 * kMebibyte);
}

TEST_F(Attack, AChunkedBodyOf100MegabytesIsRefusedUnread) {
  const MemoryBound bound;
  RawClient client(test_.port());
  ASSERT_TRUE(client.send("POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 501);
  const std::string chunk = "100000\r\n" + std::string(kMebibyte, 'a') + "\r\n";
  EXPECT_LT(client.send_repeated(chunk, 100 * chunk.size()), 100 * chunk.size());
  EXPECT_EQ(largest_body_, 0U);
}

TEST_F(Attack, ABodyThatAnnouncesTooMuchIsRefusedUnread) {
  const MemoryBound bound;
  for (const std::string length : {"65537", "104857600", "18446744073709551615", "99999999999999999999"}) {
    RawClient client(test_.port());
    ASSERT_TRUE(client.send("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n"));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << length;
    EXPECT_EQ(answer->status, 413) << length;
  }
}

TEST_F(Attack, AGzipBombIsNotUnpacked) {
  const std::string zeros(200 * kMebibyte / 50, '\0');
  std::string bomb(300000, '\0');  // 200 MB of zeros, about 200 KB
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_out = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_out = static_cast<uInt>(bomb.size());
  for (int i = 0; i < 50; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
    stream.avail_in = static_cast<uInt>(zeros.size());
    ASSERT_NE(deflate(&stream, i == 49 ? Z_FINISH : Z_NO_FLUSH), Z_STREAM_ERROR);
  }
  bomb.resize(stream.total_out);
  deflateEnd(&stream);
  ASSERT_NEAR(static_cast<double>(bomb.size()), 204e3, 10e3);

  const MemoryBound bound;
  RawClient client(test_.port());
  client.send("POST /in HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: " +
              std::to_string(bomb.size()) + "\r\n\r\n" + bomb);
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 415);
  // Without the header it is only bytes, and too many of them.
  RawClient plain(test_.port());
  plain.send("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bomb.size()) + "\r\n\r\n");
  EXPECT_EQ(plain.read_answer()->status, 413);
}

TEST_F(Attack, ThePeersAddressCannotBeForged) {
  const auto answer = get(test_.port(), "/echo",
                          "REMOTE_ADDR: 6.6.6.6\r\nremote_addr: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n"
                          "LOCAL_ADDR: 6.6.6.6\r\n");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("peer 127.0.0.1\n"));
  EXPECT_THAT(answer->body, ::testing::Not(HasSubstr("6.6.6.6")));
}

TEST_F(Attack, PercentEncodedLineEndsInHeadersStayText) {
  const auto answer = get(test_.port(), "/echo", "X-Note: a%0d%0aX-Admin: yes%00%u000a%\r\n");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("x-note: a%0d%0aX-Admin: yes%00%u000a%\n"));
}

TEST_F(Attack, ANegativeChunkSizeIsRefusedUnread) {
  for (const std::string size : {"-2", "-1", "ffffffffffffffff", "fffffffffffffffe", "0x10", ""}) {
    RawClient client(test_.port());
    client.send("POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + size +
                "\r\nabc\r\n0\r\n\r\n");
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << size;
    EXPECT_EQ(answer->status, 501) << size;
  }
}

TEST_F(Attack, ARequestHiddenInAnothersBodyIsNotServed) {
  RawClient client(test_.port());
  client.send(
      "POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read_answer()->status, 501);
  EXPECT_FALSE(client.read_answer()) << "the connection is over";
}

/// Sends one byte on every socket, as often as it is called: none of the requests is ever whole.
void drip(std::vector<std::unique_ptr<RawClient>>& clients) {
  for (const auto& client : clients) client->try_send("a");
}

TEST_F(Attack, HundredDrippingSocketsDelayNoScrape) {
  const MemoryBound bound;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>(test_.port()));
    ASSERT_TRUE(clients.back()->send("GET /metrics HTTP/1.1\r\nX: "));
  }
  for (int i = 0; i < 12; ++i) {
    drip(clients);
    EXPECT_TRUE(scrape_works()) << "scrape " << i;
  }
  // The server tires of them although they never stop sending.
  for (const auto& client : clients) {
    while (client->try_send("a")) {
      pollfd readable{client->socket(), POLLIN, 0};
      if (::poll(&readable, 1, 20) > 0) break;
    }
    const auto answer = client->read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 408);
  }
}

TEST_F(Attack, AThousandSilentSocketsDelayNoScrape) {
  const MemoryBound bound;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<RawClient>(test_.port()));
    if (i % 100 != 99) continue;
    EXPECT_TRUE(scrape_works()) << "after " << i + 1;
  }
}

TEST_F(Attack, TenThousandConnectionsLeaveNothingBehind) {
  const MemoryBound bound;
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  const auto before = descriptors();
  for (int i = 0; i < 10000; ++i) {
    RawClient client(test_.port());
    if (i % 3 == 0) client.try_send("GET / HT");
    if (i % 1000 != 0) continue;
    EXPECT_TRUE(scrape_works());
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (descriptors() > before + 2 && std::chrono::steady_clock::now() < deadline)
    EXPECT_TRUE(scrape_works());
  EXPECT_LE(descriptors(), before + 2);
}

TEST_F(Attack, ClientsThatDoNotReadTheirAnswersShareOneBudget) {
  // 60 answers of 8 MB are asked for, 480 MB; the kernel's buffers take a part of each, 16 MB may wait here.
  // What workers have in hand at one time comes on top and depends on the machine's load: half of it all is
  // the bound.
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<RawClient>(test_.port()));
    ASSERT_TRUE(clients.back()->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(scrape_works()) << i;
  }
  std::printf("resident memory: %.1f MB\n", static_cast<double>(status_bytes("VmRSS")) / kMebibyte);
#ifndef SONDE_FREED_MEMORY_STAYS
  EXPECT_LT(status_bytes("VmRSS"), 240 * kMebibyte);
#endif
}

TEST_F(Attack, MoreClientsThanPlacesThatDoNotReadDelayNoScrape) {
#ifndef SONDE_FREED_MEMORY_STAYS
  const MemoryBound bound;
#endif
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<RawClient>(test_.port(), 2048));
    ASSERT_TRUE(clients.back()->send("GET /medium HTTP/1.1\r\nHost: x\r\n\r\n"));
    if (i % 20 != 19) continue;
    EXPECT_TRUE(scrape_works()) << "after " << i + 1;
  }
}

TEST_F(Attack, GarbageIsAnsweredOrDroppedAndServiceGoesOn) {
  const std::vector<std::string> garbage = {
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),  // a TLS hello
      std::string(5000, '\0'),
      std::string(5000, '\n'),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=" + std::string(7000, ',') + "\r\n\r\n",
      "GET /?" + std::string(7000, '&') + " HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /?a?b?c HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /%%%%u%uZZZZ%u12 HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET " + std::string(7000, '/') + " HTTP/1.1\r\nHost: x\r\n\r\n",
      std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=\r\n") +
          "Content-Length: 2\r\n\r\n--",
  };
  for (const std::string& bytes : garbage) {
    RawClient client(test_.port());
    client.send(bytes);
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << bytes.substr(0, 30);
    EXPECT_TRUE(scrape_works());
  }
}

}  // namespace
}  // namespace sonde::http
