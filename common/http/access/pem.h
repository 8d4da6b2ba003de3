#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

#include "common/http/access/web_config.h"
#include "common/result.h"

namespace sonde::http {

struct OpensslDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using CertificatePointer = std::unique_ptr<X509, OpensslDeleter>;
using KeyPointer = std::unique_ptr<EVP_PKEY, OpensslDeleter>;

/// Every certificate of a PEM source, at least one. Errors: one line that begins with the source's place.
Result<std::vector<CertificatePointer>> read_certificates(const PemSource& source);

/// The private key of a PEM source; one with a passphrase is an error, as nobody is there to type it.
Result<KeyPointer> read_key(const PemSource& source);

/// OpenSSL's words for the first error of this thread's queue, which is then empty.
const char* openssl_reason();

}  // namespace sonde::http
