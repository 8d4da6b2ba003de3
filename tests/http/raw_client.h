#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"
#include "common/http/server.h"

namespace sonde::http {

/// An answer as it came over the wire.
struct RawAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// A client that sends whatever bytes a test likes, on loopback.
class RawClient {
 public:
  /// A `receive_buffer` other than 0 makes the kernel take at most about that many bytes from the server
  /// unread.
  explicit RawClient(uint16_t port, int receive_buffer = 0);

  /// Sends all bytes unless the server hangs up first; false then.
  bool send(std::string_view bytes);
  /// Sends `chunk` again and again, `total` bytes in all; returns how many the server took before it hung up.
  size_t send_repeated(std::string_view chunk, size_t total);
  /// Sends what fits at once, so that it never waits; false when the server has hung up.
  bool try_send(std::string_view bytes);

  /// Reads one answer; `head` = it has no body. nullopt: hung up before it was whole, or 20 s passed.
  std::optional<RawAnswer> read_answer(bool head = false);
  /// Whether the server ends the connection, within 20 s; bytes that it still sends are thrown away.
  bool hangs_up();
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  bool receive_more(std::chrono::steady_clock::time_point deadline);

  FileDescriptor socket_;
  std::string received_;
};

/// GETs a path on a connection of its own, with more header lines if given ("Name: value\r\n" each).
std::optional<RawAnswer> get(uint16_t port, std::string_view path, std::string_view more_headers = "");

/// A server on a free loopback port with a metrics page of one series; the test adds pages and calls start().
struct TestServer {
  explicit TestServer(WebOptions options = {});
  void start();
  [[nodiscard]] uint16_t port() const { return server.port(); }

  Server server;
};

}  // namespace sonde::http
