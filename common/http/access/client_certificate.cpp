#include "common/http/access/client_certificate.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace sonde::http {
namespace {

std::string address_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int length = ASN1_STRING_length(address);
  if (length != 4 && length != 16) return "";
  inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(), text.size());
  return text.data();
}

}  // namespace

std::vector<std::string> subject_alternative_names(const X509* certificate) {
  std::vector<std::string> found;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    std::string text;
    if (type == GEN_IPADD) {
      text = address_text(static_cast<const ASN1_OCTET_STRING*>(value));
    } else if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI) {
      const auto* string = static_cast<const ASN1_STRING*>(value);
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                  static_cast<size_t>(ASN1_STRING_length(string)));
    }
    if (!text.empty() && text.find('\0') == std::string::npos) found.push_back(std::move(text));
  }
  return found;
}

}  // namespace sonde::http
