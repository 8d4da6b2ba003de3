#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace sonde::http {

/// A certificate or a key of the configuration: a file's, or written into the configuration itself.
struct PemSource {
  std::string file;   ///< its path; "" where the text stands in the configuration
  std::string text;   ///< may be a secret
  std::string place;  ///< for errors: "web.yml:3: tls_server_config.cert_file=server.crt"; never the text

  [[nodiscard]] bool given() const { return !place.empty(); }
};

/// What the server wants of a client's certificate (Go's tls.ClientAuthType).
enum class ClientAuth {
  kNone,              ///< does not ask for one
  kRequest,           ///< asks for one and takes any, also none
  kRequireAny,        ///< takes any
  kVerifyIfGiven,     ///< one that is given must be signed by client_ca
  kRequireAndVerify,  ///< there must be one, signed by client_ca
};

enum class TlsVersion { kTls12, kTls13 };

/// `tls_server_config`.
struct TlsSettings {
  PemSource certificate;  ///< the leaf first, then its chain
  PemSource key;
  PemSource client_ca;
  ClientAuth client_auth = ClientAuth::kNone;
  std::vector<std::string> client_allowed_sans;  ///< empty: any
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string cipher_list;  ///< of TLS 1.2, in OpenSSL's words; "" = the default
  bool prefer_server_cipher_suites = true;
  std::string groups;  ///< key exchange groups in OpenSSL's words; "" = OpenSSL's default
};

/// `rate_limit`: one request each `interval`, `burst` at once. An interval of 0 is no limit.
struct RateLimit {
  std::chrono::milliseconds interval{0};
  uint64_t burst = 1;
};

/// What --web.config.file says, in the format of Prometheus's exporter-toolkit (docs/web-configuration.md).
struct WebConfig {
  std::optional<TlsSettings> tls;
  std::map<std::string, std::string> headers;  ///< of every answer
  std::map<std::string, std::string> users;    ///< name → bcrypt hash; empty: no password is asked for
  RateLimit rate_limit;
};

/// Reads the text of a configuration; `file` is its path, for errors and because the paths in it are relative
/// to it. Opens no file. Errors: kInvalid, one line "file:line: key=value: what is wrong; remedy" that holds
/// no secret.
Result<WebConfig> parse_web_config(std::string_view text, const std::string& file);

}  // namespace sonde::http
