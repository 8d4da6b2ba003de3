#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

namespace sonde::http {

/// The Subject Alternative Names of a certificate that are DNS names, e-mail addresses, URIs or IP addresses,
/// the last written as inet_ntop(3) does. Those with a NUL inside are left out.
std::vector<std::string> subject_alternative_names(const X509* certificate);

}  // namespace sonde::http
