#include "tests/http/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <csignal>

namespace sonde::http {
namespace {

/// OpenSSL's client writes to a connection that is gone. The server under test must not need this.
[[maybe_unused]] const auto kSigpipeBefore = std::signal(SIGPIPE, SIG_IGN);

}  // namespace

TlsClient::TlsClient(uint16_t port, const TlsClientOptions& options)
    : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
  const timeval patience{20, 0};
  ::setsockopt(socket_.socket(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(socket_.socket(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  SSL_CTX_set_min_proto_version(context_, options.min_version);
  SSL_CTX_set_max_proto_version(context_, options.max_version);
  if (options.max_version < TLS1_2_VERSION) SSL_CTX_set_security_level(context_, 0);
  if (!options.cipher_list.empty()) SSL_CTX_set_cipher_list(context_, options.cipher_list.c_str());
  if (!options.groups.empty()) SSL_CTX_set1_groups_list(context_, options.groups.c_str());
  if (!options.ca.empty()) SSL_CTX_load_verify_locations(context_, options.ca.c_str(), nullptr);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  if (!options.certificate.empty()) {
    SSL_CTX_use_certificate_chain_file(context_, options.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_, options.key.c_str(), SSL_FILETYPE_PEM);
  }
  ssl_ = SSL_new(context_);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), "127.0.0.1");
  SSL_set_fd(ssl_, socket_.socket());
  ERR_clear_error();
  if (const int result = SSL_connect(ssl_); result != 1) note_error(result);
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  ERR_clear_error();
}

void TlsClient::note_error(int result) {
  const char* const words = ERR_reason_error_string(ERR_peek_error());
  error_ = words != nullptr ? words : "error " + std::to_string(SSL_get_error(ssl_, result));
  ERR_clear_error();
}

bool TlsClient::send(std::string_view bytes) {
  if (!error_.empty()) return false;
  ERR_clear_error();
  const int sent = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  if (sent <= 0) note_error(sent);
  return sent > 0;
}

std::string TlsClient::receive_all() {
  std::string received;
  std::array<char, 16384> buffer{};
  for (;;) {
    ERR_clear_error();
    const int count = SSL_read(ssl_, buffer.data(), buffer.size());
    if (count <= 0) {
      if (SSL_get_error(ssl_, count) != SSL_ERROR_ZERO_RETURN) note_error(count);
      return received;
    }
    received.append(buffer.data(), static_cast<size_t>(count));
  }
}

std::string TlsClient::get(std::string_view path, std::string_view more_headers) {
  const bool sent = send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" +
                         std::string(more_headers) + "\r\n");
  return sent ? receive_all() : "";
}

std::string TlsClient::server_name() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_), &X509_free);
  if (!certificate) return "";
  std::array<char, 100> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            name.size());
  return name.data();
}

}  // namespace sonde::http
