#include "analyzer/source/guarded_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sonde::analyzer {

GuardedStream::GuardedStream(socket_t socket, SSL* ssl, AnswerGuard& guard)
    : socket_(socket), ssl_(ssl), guard_(guard) {
  // A TLS record that arrives in drops would hold a blocking read past the deadline.
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

bool GuardedStream::expired() {
  guard_.timed_out = guard_.timed_out || SteadyClock::now() >= guard_.deadline;
  return guard_.timed_out;
}

bool GuardedStream::wait(short events) {
  while (!expired()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(guard_.deadline - SteadyClock::now());
    pollfd entry{socket_, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // let the read itself find the error
  }
  return false;
}

ssize_t GuardedStream::receive(char* data, size_t size) {
  if (ssl_ != nullptr) return receive_tls(data, size);
  for (;;) {
    if (expired()) return -1;
    const ssize_t count = ::recv(socket_, data, size, 0);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || !wait(POLLIN)) return -1;
  }
}

ssize_t GuardedStream::receive_tls(char* data, size_t size) {
  for (;;) {
    if (expired()) return -1;
    ERR_clear_error();
    const int count = SSL_read(ssl_, data, static_cast<int>(std::min<size_t>(size, 1 << 20)));
    if (count > 0) return count;
    switch (SSL_get_error(ssl_, count)) {
      case SSL_ERROR_WANT_READ:
        if (!wait(POLLIN)) return -1;
        break;
      case SSL_ERROR_WANT_WRITE:
        if (!wait(POLLOUT)) return -1;
        break;
      case SSL_ERROR_ZERO_RETURN:
        return 0;
      default:
        return -1;
    }
  }
}

ssize_t GuardedStream::read(char* data, size_t size) {
  if (taken_ == buffered_) {
    const ssize_t count = receive(buffer_.data(), buffer_.size());
    if (count <= 0) return count;
    buffered_ = static_cast<size_t>(count);
    taken_ = 0;
  }
  const size_t part = std::min(size, buffered_ - taken_);
  std::memcpy(data, buffer_.data() + taken_, part);
  taken_ += part;
  guard_.bytes_without_content += part;
  if (size == 1) line_bytes_ = *data == '\n' ? 0 : line_bytes_ + 1;  // lines are read byte by byte
  if (guard_.bytes_without_content > AnswerGuard::kMostBytesWithoutContent ||
      line_bytes_ > AnswerGuard::kLongestLine) {
    guard_.flooded = true;
    return -1;
  }
  return static_cast<ssize_t>(part);
}

ssize_t GuardedStream::write(const char* data, size_t size) {
  size_t sent = 0;
  while (sent < size) {
    ssize_t count = 0;
    bool retry = false;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      count = SSL_write(ssl_, data + sent, static_cast<int>(std::min<size_t>(size - sent, 1 << 20)));
      const int error = count > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_, static_cast<int>(count));
      retry = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
    } else {
      count = ::send(socket_, data + sent, size - sent, MSG_NOSIGNAL);
      retry = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    }
    if (count > 0) {
      sent += static_cast<size_t>(count);
    } else if (!retry || !wait(POLLOUT)) {
      return -1;
    }
  }
  return static_cast<ssize_t>(sent);
}

// Nothing asks for the addresses of a client's connection.
void GuardedStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}
void GuardedStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace sonde::analyzer
