#pragma once

#include <span>
#include <string_view>

namespace sonde::http {

/// A name of Go's crypto/tls, as configurations have it, and OpenSSL's for the same.
struct TlsWord {
  std::string_view go;
  std::string_view openssl;  ///< "" for the cipher suites of TLS 1.3, which are always all on offer, as in Go
};

/// The cipher suites without known weakness that both know.
std::span<const TlsWord> cipher_suites();
/// The groups for the key exchange.
std::span<const TlsWord> curves();

}  // namespace sonde::http
