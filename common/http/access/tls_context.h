#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "common/http/access/web_config.h"
#include "common/result.h"

namespace sonde::http {

/// What the TLS sessions of a server share: certificate, key, and what is asked of clients.
///
/// Sessions are never resumed: each handshake is judged by the certificates and lists of its time.
/// Threads: safe.
class TlsContext {
 public:
  /// Reads the files. Errors: one line with the place in the configuration: a file that cannot be read or
  /// holds no PEM, a key that does not fit its certificate or has a passphrase, what OpenSSL refuses.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsSettings& settings);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] SSL_CTX* get() const { return context_; }
  [[nodiscard]] const TlsSettings& settings() const { return settings_; }

 private:
  explicit TlsContext(const TlsSettings& settings);

  SSL_CTX* context_;
  TlsSettings settings_;  // without the PEM texts
};

}  // namespace sonde::http
