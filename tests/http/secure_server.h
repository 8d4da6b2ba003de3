#pragma once

#include <memory>
#include <string>

#include "tests/http/raw_client.h"
#include "tests/http/tls_client.h"
#include "tests/support/certificates.h"

namespace sonde::http {

/// Made once: authorities "ca" and "other_ca"; of "ca" the certificates "server" and "renewed" for 127.0.0.1,
/// and "client" with the names prometheus, 10.1.2.3 and spiffe://sonde/prometheus; of "other_ca" "stranger".
const test::Certificates& certificates();

/// Lines of a tls_server_config for "server".
std::string tls_lines();

/// Writes a web configuration beside the certificates; its path.
std::string write_config(const std::string& name, const std::string& text);

/// A started TestServer with that configuration.
std::unique_ptr<TestServer> serve(const std::string& name, const std::string& text);

/// Trusts "ca"; shows that certificate if it is named.
TlsClientOptions trusting(const std::string& ca, const std::string& certificate = "");

/// The header line for a user and a password.
std::string basic(const std::string& user, const std::string& password);

}  // namespace sonde::http
