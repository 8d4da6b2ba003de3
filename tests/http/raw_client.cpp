#include "tests/http/raw_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

namespace sonde::http {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{20};

constexpr metrics::MetricRow kUp{"sonde_test_up", metrics::MetricType::kGauge, "", "", "Always 1."};

}  // namespace

RawClient::RawClient(uint16_t port, int receive_buffer) {
  socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer != 0) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0) << errno;
}

bool RawClient::send(std::string_view bytes) {
  return send_repeated(bytes, bytes.size()) == bytes.size();
}

size_t RawClient::send_repeated(std::string_view chunk, size_t total) {
  size_t sent = 0;
  while (sent < total) {
    const std::string_view rest = chunk.substr(sent % chunk.size()).substr(0, total - sent);
    const ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<size_t>(count);
  }
  return sent;
}

bool RawClient::try_send(std::string_view bytes) {
  return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
         errno == EAGAIN;
}

bool RawClient::receive_more(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd waiting{socket_.get(), POLLIN, 0};
  if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
  char buffer[65536];
  const ssize_t count = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
  if (count <= 0) return false;
  received_.append(buffer, static_cast<size_t>(count));
  return true;
}

std::optional<RawAnswer> RawClient::read_answer(bool head) {
  const auto deadline = Clock::now() + kPatience;
  size_t end = 0;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more(deadline)) return std::nullopt;
  }
  RawAnswer answer;
  if (!received_.starts_with("HTTP/1.1 ")) return std::nullopt;
  answer.status = std::stoi(received_.substr(9, 3));
  for (size_t at = received_.find("\r\n") + 2; at < end;) {
    const size_t line_end = received_.find("\r\n", at);
    const size_t colon = received_.find(": ", at);
    std::string name = received_.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_TRUE(answer.headers.emplace(name, received_.substr(colon + 2, line_end - colon - 2)).second)
        << name << " twice";
    at = line_end + 2;
  }
  received_.erase(0, end + 4);
  if (answer.status == 100) return read_answer(head);
  if (head) return answer;
  const size_t length = std::stoul(answer.headers.at("content-length"));
  while (received_.size() < length) {
    if (!receive_more(deadline)) return std::nullopt;
  }
  answer.body = received_.substr(0, length);
  received_.erase(0, length);
  return answer;
}

bool RawClient::hangs_up() {
  const auto deadline = Clock::now() + kPatience;
  while (receive_more(deadline)) received_.clear();
  return Clock::now() < deadline;
}

std::optional<RawAnswer> get(uint16_t port, std::string_view path, std::string_view more_headers) {
  RawClient client(port);
  client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more_headers) +
              "\r\n");
  return client.read_answer();
}

TestServer::TestServer(WebOptions options)
    : server(
          [&] {
            if (options.listen_addresses.empty()) options.listen_addresses = {"127.0.0.1:0"};
            return options;
          }(),
          {"sonde-test", "Serves <tests> & nothing else."}) {
  server.serve_metrics([](const Scrape&, metrics::SeriesWriter& writer) {
    writer.family(kUp);
    writer.sample(1);
  });
}

void TestServer::start() {
  const Result<void> started = server.start();
  ASSERT_TRUE(started) << started.error().message;
}

}  // namespace sonde::http
