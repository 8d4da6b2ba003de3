#include "tests/http/secure_server.h"

#include <httplib.h>

namespace sonde::http {

const test::Certificates& certificates() {
  static const test::Certificates kCertificates;
  static const bool kMade = [] {
    kCertificates.authority("ca");
    kCertificates.authority("other_ca");
    kCertificates.signed_by("ca", "server", "subjectAltName=IP:127.0.0.1");
    kCertificates.signed_by("ca", "renewed", "subjectAltName=IP:127.0.0.1");
    kCertificates.signed_by("ca", "client",
                            "subjectAltName=DNS:prometheus,IP:10.1.2.3,URI:spiffe://sonde/prometheus");
    kCertificates.signed_by("other_ca", "stranger", "subjectAltName=DNS:prometheus");
    return true;
  }();
  static_cast<void>(kMade);
  return kCertificates;
}

std::string tls_lines() {
  return "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
}

std::string write_config(const std::string& name, const std::string& text) {
  return certificates().write(name, text);
}

std::unique_ptr<TestServer> serve(const std::string& name, const std::string& text) {
  WebOptions options;
  options.config_file = write_config(name, text);
  auto server = std::make_unique<TestServer>(options);
  server->start();
  return server;
}

TlsClientOptions trusting(const std::string& ca, const std::string& certificate) {
  TlsClientOptions options;
  options.ca = certificates().file(ca + ".pem");
  if (certificate.empty()) return options;
  options.certificate = certificates().file(certificate + ".pem");
  options.key = certificates().file(certificate + ".key");
  return options;
}

std::string basic(const std::string& user, const std::string& password) {
  const auto [name, value] = httplib::make_basic_authentication_header(user, password);
  return name + ": " + value + "\r\n";
}

}  // namespace sonde::http
