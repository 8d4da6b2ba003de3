#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/http/raw_client.h"

namespace sonde::http {

/// How a client comes to a TLS server on loopback.
struct TlsClientOptions {
  std::string ca;           ///< PEM file of whom it trusts
  std::string certificate;  ///< its own, with its key; "" = none
  std::string key;
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string cipher_list;
  std::string groups;
};

/// A TLS client that waits, 20 s at most for anything. Whatever goes wrong is in error().
class TlsClient {
 public:
  TlsClient(uint16_t port, const TlsClientOptions& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Sends all; false if the server hung up first.
  bool send(std::string_view bytes);
  /// All that the server sends until it ends the connection.
  std::string receive_all();
  /// GETs a path, once; the whole answer. "" if there was none.
  std::string get(std::string_view path, std::string_view more_headers = "");

  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] SSL* ssl() { return ssl_; }
  [[nodiscard]] std::string server_name() const;  ///< the common name of the server's certificate

 private:
  void note_error(int result);

  RawClient socket_;
  SSL_CTX* context_;
  SSL* ssl_;
  std::string error_;
};

}  // namespace sonde::http
