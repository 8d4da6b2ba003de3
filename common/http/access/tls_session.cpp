#include "common/http/access/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

namespace sonde::http {
namespace {

constexpr size_t kTurnBytes = 20UL * 1024;  // a record of 16 KB and its envelope
constexpr size_t kSentAtOnce = 1UL << 20;
constexpr size_t kKeyUpdates = 16;

bool may_succeed_later() {
  return errno == EAGAIN || errno == EINTR;
}

}  // namespace

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL and reads for as long as bytes arrive.
int TlsSession::read_wire(BIO* bio, char* out, int size) {
  Wire& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t wanted = std::min(static_cast<size_t>(size), wire.turn);
  const ssize_t count = wanted == 0 ? -1 : ::recv(wire.socket, out, wanted, MSG_DONTWAIT);
  if (count < 0 && (wanted == 0 || may_succeed_later())) BIO_set_retry_read(bio);
  if (count > 0) wire.turn -= static_cast<size_t>(count);
  return static_cast<int>(count);
}

int TlsSession::write_wire(BIO* bio, const char* data, int size) {
  const Wire& wire = *static_cast<const Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(wire.socket, data, static_cast<size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && may_succeed_later()) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

long TlsSession::control_wire(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* TlsSession::wire_method() {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sonde socket");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(method, read_wire);
    BIO_meth_set_write(method, write_wire);
    BIO_meth_set_ctrl(method, control_wire);
    return method;
  }();
  return kMethod;
}

void TlsSession::on_message(int sent, int /*version*/, int type, const void* bytes, size_t size, SSL* /*ssl*/,
                            void* self) {
  const bool is_update = sent == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
                         *static_cast<const uint8_t*>(bytes) == SSL3_MT_KEY_UPDATE;
  if (is_update) ++static_cast<TlsSession*>(self)->key_updates_;
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int socket)
    : context_(std::move(context)), wire_(new Wire{socket}), ssl_(SSL_new(context_->get())) {
  BIO* const bio = BIO_new(wire_method());
  if (ssl_ == nullptr || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, wire_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
  SSL_set_msg_callback(ssl_, on_message);
  SSL_set_msg_callback_arg(ssl_, this);
}

TlsSession::~TlsSession() {
  SSL_free(ssl_);
}

Transfer TlsSession::receive(std::span<char> room) {
  assert(room.size() >= SSL3_RT_MAX_PLAIN_LENGTH);
  ERR_clear_error();
  wire_->turn = kTurnBytes;
  return outcome(SSL_read(ssl_, room.data(), static_cast<int>(room.size())));
}

Transfer TlsSession::send(std::string_view bytes) {
  ERR_clear_error();
  wire_->turn = kTurnBytes;
  return outcome(SSL_write(ssl_, bytes.data(), static_cast<int>(std::min(bytes.size(), kSentAtOnce))));
}

Transfer TlsSession::outcome(int count) {
  if (key_updates_ > kKeyUpdates) return {.over = true};
  if (count > 0) return {.bytes = static_cast<size_t>(count)};
  switch (SSL_get_error(ssl_, count)) {
    case SSL_ERROR_WANT_READ:
      return {.wait_for = EPOLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {.wait_for = EPOLLOUT};
    default:
      break;
  }
  const int reason = ERR_GET_REASON(ERR_peek_error());
  met_plain_http_ = reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
  if (SSL_is_init_finished(ssl_) == 0) {
    const char* const words = ERR_reason_error_string(ERR_peek_error());
    handshake_failure_ = words == nullptr ? "the client hung up" : words;
  }
  ERR_clear_error();
  return {.over = true};
}

void TlsSession::say_goodbye() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) != 0) SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace sonde::http
