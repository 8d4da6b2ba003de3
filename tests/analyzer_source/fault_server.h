#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sonde::test {

/// One connection to a FaultServer, from the server's side.
class FaultConnection {
 public:
  FaultConnection(int fd, const std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}

  /// The whole request, header and body; what came so far if the client hung up.
  std::string read_request();
  /// Sends everything. False once the client has hung up or the server stops.
  bool send(std::string_view bytes);
  /// Sends one byte a time with a pause between them, over and over, until the client hangs up.
  void drip(std::string_view bytes);
  /// Sends the bytes again and again until the client hangs up.
  void flood(std::string_view bytes);
  /// Keeps silent until the client hangs up.
  void hold();
  /// Ends the connection with a RST instead of a FIN.
  void reset();

 private:
  /// Waits a moment; false once the client has hung up or the server stops.
  bool pause();

  int fd_;
  const std::atomic<bool>& stopping_;
};

/// A TCP server on the loopback that answers however a test likes, each connection on a thread of its own.
///
/// Threads: one; the script is called on several.
class FaultServer {
 public:
  using Script = std::function<void(FaultConnection&, const std::string& request)>;

  /// The script is called with the request that a connection brought; its end closes the connection.
  explicit FaultServer(Script script);
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }
  /// Requests so far.
  [[nodiscard]] std::vector<std::string> requests() const;

 private:
  void serve(int fd);

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;  ///< guards requests_ and threads_
  std::vector<std::string> requests_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

/// A complete answer with a length.
std::string http_answer(int status, std::string_view headers, std::string_view body);
/// The beginning of a chunked answer with status 200.
std::string chunked_head(std::string_view headers);
/// One chunk of a chunked answer; an empty one ends it.
std::string http_chunk(std::string_view bytes);

/// Header lines of the two kinds of replies.
inline constexpr std::string_view kChunksHeaders =
    "Content-Type: application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse\r\n";
inline constexpr std::string_view kSamplesHeaders =
    "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n";
inline constexpr std::string_view kJsonHeaders = "Content-Type: application/json\r\n";

}  // namespace sonde::test
