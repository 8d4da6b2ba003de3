#pragma once

#include <httplib.h>

#include <array>
#include <functional>

#include "common/clock.h"

namespace sonde::analyzer {

/// Bounds of one answer, shared by the stream that enforces them and the client that reports them.
struct AnswerGuard {
  /// Header, or the lines between two chunks of the body: more bytes than this without content are an attack.
  static constexpr size_t kMostBytesWithoutContent = 64 * 1024;
  /// Status line, header line, chunk length. cpp-httplib matches status lines with std::regex, whose stack
  /// grows with the line.
  static constexpr size_t kLongestLine = 2 * 1024;

  SteadyTime deadline;
  size_t bytes_without_content = 0;  ///< set to 0 whenever content arrives
  bool timed_out = false;
  bool flooded = false;
};

/// A connection as cpp-httplib reads and writes it, but with a hard deadline over all of it and large reads.
/// `ssl` is null for a plain one. Only http_client.cpp includes this.
///
/// Threads: one.
class GuardedStream : public httplib::Stream {
 public:
  GuardedStream(socket_t socket, SSL* ssl, AnswerGuard& guard);

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* data, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  /// True from the deadline on, which the guard then notes.
  bool expired();
  /// Waits until the socket is ready for the events of poll(2), or the deadline. False at the deadline.
  bool wait(short events);
  ssize_t receive(char* data, size_t size);
  ssize_t receive_tls(char* data, size_t size);

  socket_t socket_;
  SSL* ssl_;
  AnswerGuard& guard_;
  std::array<char, 64 * 1024> buffer_{};
  size_t buffered_ = 0;
  size_t taken_ = 0;
  size_t line_bytes_ = 0;
};

}  // namespace sonde::analyzer
