#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "common/http/access/tls_context.h"

namespace sonde::http {

/// What came of an attempt to receive or send without waiting.
struct Transfer {
  size_t bytes = 0;       ///< that were moved; if 0, one of the others is set
  uint32_t wait_for = 0;  ///< EPOLLIN or EPOLLOUT, before it is worth trying again
  bool over = false;      ///< the other side is gone or does not keep to the protocol
};

/// The server's side of one TLS connection on a non-blocking socket. The handshake happens by itself in the
/// first calls of receive().
///
/// A call reads at most 20 KB from the socket, whatever OpenSSL would like, and after the handshake a client
/// may send 16 messages of the handshake's kind (key updates): so one that sends them as fast as it can takes
/// no more of the thread than any other.
///
/// Threads: one at a time.
class TlsSession {
 public:
  /// The socket stays the caller's and must outlive this.
  TlsSession(std::shared_ptr<const TlsContext> context, int socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// REQUIRES: room for 16 KB, a whole record: then nothing that was received waits in here unseen by epoll.
  Transfer receive(std::span<char> room);
  /// Sends a part. After wait_for the next call must begin with the same bytes and be at least as long.
  Transfer send(std::string_view bytes);
  /// Tells the client, if it can be told at once, that no more comes.
  void say_goodbye();

  /// After `over`: the client spoke HTTP without TLS.
  [[nodiscard]] bool met_plain_http() const { return met_plain_http_; }
  /// After `over`: why the handshake failed, "" if it did not.
  [[nodiscard]] std::string_view handshake_failure() const { return handshake_failure_; }

 private:
  struct Wire {
    int socket;
    size_t turn = 0;  // bytes that may still be read in this call
  };
  static int read_wire(BIO* bio, char* out, int size);
  static int write_wire(BIO* bio, const char* data, int size);
  static long control_wire(BIO* bio, int command, long number, void* pointer);
  static BIO_METHOD* wire_method();
  static void on_message(int sent, int version, int type, const void* bytes, size_t size, SSL* ssl,
                         void* self);
  Transfer outcome(int count);

  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<Wire> wire_;
  SSL* ssl_;
  size_t key_updates_ = 0;  // that the client sent
  bool met_plain_http_ = false;
  std::string_view handshake_failure_;
};

}  // namespace sonde::http
