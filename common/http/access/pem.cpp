#include "common/http/access/pem.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <string>
#include <utility>

#include "common/read_file.h"

namespace sonde::http {
namespace {

using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free)>;

Result<std::string> pem_text(const PemSource& source) {
  if (source.file.empty()) return source.text;
  Result<std::string> text = read_file(source.file);
  if (!text) return fail(source.place, text.error());
  return text;
}

/// A BIO that reads the text, which has to outlive it.
BioPointer reader_of(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

/// Without it OpenSSL would ask the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

tl::unexpected<Error> wrong(const PemSource& source, const std::string& text) {
  ERR_clear_error();
  return fail(ErrorCode::kInvalid, source.place + ": " + text);
}

}  // namespace

Result<std::vector<CertificatePointer>> read_certificates(const PemSource& source) {
  const Result<std::string> text = pem_text(source);
  if (!text) return tl::unexpected(text.error());
  const BioPointer reader = reader_of(*text);
  std::vector<CertificatePointer> certificates;
  bool asked = false;
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, no_passphrase, &asked)) {
    certificates.emplace_back(certificate);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() && at_end) {
    return wrong(source, "holds no certificate; give PEM text with BEGIN CERTIFICATE");
  }
  if (!at_end) {
    return wrong(source,
                 fmt::format("certificate {} cannot be read; write the file anew", certificates.size() + 1));
  }
  ERR_clear_error();
  return certificates;
}

Result<KeyPointer> read_key(const PemSource& source) {
  Result<std::string> text = pem_text(source);
  if (!text) return tl::unexpected(text.error());
  KeyPointer key;
  bool asked = false;
  {
    const BioPointer reader = reader_of(*text);
    key.reset(PEM_read_bio_PrivateKey(reader.get(), nullptr, no_passphrase, &asked));
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (asked)
    return wrong(source, "the key has a passphrase; remove it with: openssl pkey -in FILE -out FILE");
  if (!key) return wrong(source, "holds no private key; give PEM text with BEGIN PRIVATE KEY");
  return key;
}

const char* openssl_reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return reason == nullptr ? "OpenSSL does not say why" : reason;
}

}  // namespace sonde::http
