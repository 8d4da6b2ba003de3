#include "tests/analyzer_source/fault_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace sonde::test {
namespace {

constexpr int kPauseMs = 20;

size_t content_length(std::string_view header) {
  constexpr std::string_view kName = "Content-Length: ";
  const size_t at = header.find(kName);
  return at == std::string_view::npos ? 0 : std::strtoul(header.data() + at + kName.size(), nullptr, 10);
}

}  // namespace

std::string FaultConnection::read_request() {
  std::string request;
  for (;;) {
    const size_t end = request.find("\r\n\r\n");
    if (end != std::string::npos && request.size() >= end + 4 + content_length(request.substr(0, end)))
      return request;
    char buffer[4096];
    pollfd entry{fd_, POLLIN, 0};
    if (stopping_) return request;
    if (::poll(&entry, 1, kPauseMs) == 0) continue;
    const ssize_t count = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (count <= 0) return request;
    request.append(buffer, static_cast<size_t>(count));
  }
}

bool FaultConnection::send(std::string_view bytes) {
  while (!bytes.empty() && !stopping_) {
    pollfd entry{fd_, POLLOUT, 0};
    if (::poll(&entry, 1, kPauseMs) == 0) continue;
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return bytes.empty();
}

bool FaultConnection::pause() {
  pollfd entry{fd_, POLLIN | POLLRDHUP, 0};
  if (::poll(&entry, 1, kPauseMs) == 0) return !stopping_;
  return false;
}

void FaultConnection::drip(std::string_view bytes) {
  for (size_t i = 0; send(bytes.substr(i % bytes.size(), 1)) && pause(); ++i) {
  }
}

void FaultConnection::flood(std::string_view bytes) {
  while (send(bytes)) {
  }
}

void FaultConnection::hold() {
  while (pause()) {
  }
}

void FaultConnection::reset() {
  const linger option{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &option, sizeof(option));
}

FaultServer::FaultServer(Script script) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 16) != 0) {
    std::abort();
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  });
}

FaultServer::~FaultServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  threads_.clear();
  ::close(listener_);
}

void FaultServer::serve(int fd) {
  FaultConnection connection(fd, stopping_);
  const std::string request = connection.read_request();
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  script_(connection, request);
  ::close(fd);
}

std::vector<std::string> FaultServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string http_answer(int status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {} Whatever\r\n{}Content-Length: {}\r\n\r\n{}", status, headers, body.size(),
                     body);
}

std::string chunked_head(std::string_view headers) {
  return fmt::format("HTTP/1.1 200 OK\r\n{}Transfer-Encoding: chunked\r\n\r\n", headers);
}

std::string http_chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

}  // namespace sonde::test
