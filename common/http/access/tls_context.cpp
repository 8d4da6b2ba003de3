#include "common/http/access/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "common/http/access/client_certificate.h"
#include "common/http/access/pem.h"

namespace sonde::http {
namespace {

/// Ephemeral keys and authenticated encryption; TLS 1.3 has nothing else.
constexpr const char* kDefaultCipherList = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr long kLongestClientChain = 32L * 1024;  // OpenSSL would hold 100 KB for each client

/// In the place of OpenSSL's own check of a client's chain.
int verify_client(X509_STORE_CTX* chain, void* argument) {
  const TlsSettings& settings = static_cast<const TlsContext*>(argument)->settings();
  const bool verifies = settings.client_auth == ClientAuth::kVerifyIfGiven ||
                        settings.client_auth == ClientAuth::kRequireAndVerify;
  if (verifies && X509_verify_cert(chain) != 1) return 0;
  if (settings.client_allowed_sans.empty()) return 1;
  const std::vector<std::string> names = subject_alternative_names(X509_STORE_CTX_get0_cert(chain));
  const bool allowed = std::ranges::any_of(names, [&](const std::string& name) {
    return std::ranges::find(settings.client_allowed_sans, name) != settings.client_allowed_sans.end();
  });
  if (!allowed) X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
  return allowed ? 1 : 0;
}

int verify_mode(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::kNone:
      return SSL_VERIFY_NONE;
    case ClientAuth::kRequest:
    case ClientAuth::kVerifyIfGiven:
      return SSL_VERIFY_PEER;
    case ClientAuth::kRequireAny:
    case ClientAuth::kRequireAndVerify:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

int number_of(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

Result<void> use_certificate(SSL_CTX* context, const TlsSettings& settings) {
  const auto chain = read_certificates(settings.certificate);
  if (!chain) return tl::unexpected(chain.error());
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: OpenSSL refuses the certificate: {}; make one it takes",
                                                 settings.certificate.place, openssl_reason()));
  }
  for (size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) {
      return fail(ErrorCode::kInvalid, fmt::format("{}: OpenSSL refuses certificate {}: {}",
                                                   settings.certificate.place, i + 1, openssl_reason()));
    }
  }
  const auto key = read_key(settings.key);
  if (!key) return tl::unexpected(key.error());
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: does not fit the certificate ({}); give the key that the "
                            "certificate was made with",
                            settings.key.place, openssl_reason()));
  }
  return {};
}

Result<void> use_client_ca(SSL_CTX* context, const TlsSettings& settings) {
  if (!settings.client_ca.given()) return {};
  const auto authorities = read_certificates(settings.client_ca);
  if (!authorities) return tl::unexpected(authorities.error());
  for (const CertificatePointer& authority : *authorities) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
  }
  ERR_clear_error();
  return {};
}

/// What needs no file.
Result<void> use_words(SSL_CTX* context, const TlsSettings& settings) {
  const std::string ciphers = settings.cipher_list.empty() ? kDefaultCipherList : settings.cipher_list;
  const bool good =
      SSL_CTX_set_cipher_list(context, ciphers.c_str()) == 1 &&
      (settings.groups.empty() || SSL_CTX_set1_groups_list(context, settings.groups.c_str()) == 1) &&
      SSL_CTX_set_min_proto_version(context, number_of(settings.min_version)) == 1 &&
      SSL_CTX_set_max_proto_version(context, number_of(settings.max_version)) == 1;
  if (good) return {};
  return fail(
      ErrorCode::kInvalid,
      fmt::format("{}: OpenSSL on this machine refuses cipher_suites, curve_preferences or the versions "
                  "({}); leave them out",
                  settings.certificate.place, openssl_reason()));
}

}  // namespace

TlsContext::TlsContext(const TlsSettings& settings)
    : context_(SSL_CTX_new(TLS_server_method())), settings_(settings) {
  if (context_ == nullptr) throw std::bad_alloc();
  settings_.certificate.text.clear();
  settings_.key.text.clear();
  settings_.client_ca.text.clear();
  uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET;
  if (settings.prefer_server_cipher_suites) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(context_, options);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context_, 0);
  SSL_CTX_set_max_cert_list(context_, kLongestClientChain);
  SSL_CTX_set_verify(context_, verify_mode(settings.client_auth), nullptr);
  SSL_CTX_set_cert_verify_callback(context_, verify_client, this);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsSettings& settings) {
  ERR_clear_error();
  std::shared_ptr<const TlsContext> made(new TlsContext(settings));
  for (const auto use : {use_certificate, use_client_ca, use_words}) {
    if (const Result<void> used = use(made->get(), settings); !used) return tl::unexpected(used.error());
  }
  return made;
}

}  // namespace sonde::http
