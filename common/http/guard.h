#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sonde::http {

/// How much one request may be. Unit: bytes, but for `headers`.
struct GuardLimits {
  size_t request_bytes = 64UL * 1024;  ///< head and body together
  size_t line_bytes = 8000;            ///< the request line, or one header; httplib's own bound is 8192
  size_t headers = 100;
};

/// A whole request that the guard let through.
struct GuardedRequest {
  std::string head;   ///< request line and harmless headers, for cpp-httplib; ends in an empty line
  std::string body;   ///< exactly Content-Length bytes
  bool close = true;  ///< the client wants the connection closed after the answer
};

/// Why a request was turned away: the status and the one line of the answer.
struct Refusal {
  int status = 400;
  std::string_view reason;
};

/// Stands between the network and cpp-httplib 0.11.4's parser, which has no bounds of its own on lines,
/// chunks and decompression and mistakes some headers for its own (docs/decisions/http-guard.md).
///
/// Bytes go in as they arrive; a whole request comes out once it is complete, bounded and harmless: CRLF
/// lines of printable bytes, at most one Content-Length, no Transfer-Encoding, no Content-Encoding, no header
/// that httplib would take for the peer's address, and '%' in header values doubled up so that its decoding
/// restores the value instead of making a line break of it. It holds at most `request_bytes` + one read.
///
/// Threads: one.
class RequestGuard {
 public:
  enum class State { kIdle, kReading, kComplete, kRefused };

  explicit RequestGuard(GuardLimits limits = {}) : limits_(limits) {}

  /// Takes what arrived. Bytes after a complete request wait for the next take().
  void add(std::string_view bytes);
  [[nodiscard]] State state() const { return state_; }
  /// REQUIRES: state() == kRefused. The connection cannot be used any further.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  /// True once for a request whose sender waits for "100 Continue" before it sends the body.
  bool take_expects_continue();

  /// REQUIRES: state() == kComplete. Takes the request out and begins with the bytes behind it, if any.
  GuardedRequest take();

 private:
  void advance();
  bool take_line();
  void read_request_line(std::string_view line);
  void read_header(std::string_view line);
  void keep_header(std::string_view name, std::string_view value);
  void end_head();
  void refuse(int status, std::string_view reason);

  GuardLimits limits_;
  State state_ = State::kIdle;
  Refusal refusal_;
  std::string buffer_;    // as received, from the request's first byte
  size_t parsed_ = 0;     // bytes of buffer_ that are whole lines
  size_t searched_ = 0;   // bytes of buffer_ known to hold no further line end
  bool in_body_ = false;  // the head is over
  size_t header_count_ = 0;
  size_t content_length_ = 0;
  bool has_content_length_ = false;
  bool has_host_ = false;
  bool http_1_0_ = false;
  bool expects_continue_ = false;
  GuardedRequest request_;
};

}  // namespace sonde::http
