#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <httplib.h>
#include <csignal>

#include <memory>
#include <thread>

#include "analyzer/source/source_options.h"
#include "tests/analyzer_source/fault_server.h"
#include "tests/analyzer_source/reply_maker.h"
#include "tests/support/certificates.h"

namespace sonde::analyzer {
namespace {

/// As in the programs (common/shutdown.h): OpenSSL may write to a connection that is gone.
[[maybe_unused]] const auto kSigpipeBefore = std::signal(SIGPIPE, SIG_IGN);

using ::testing::HasSubstr;

/// Two authorities, and certificates of the first for a server on 127.0.0.1, for a client and for another
/// host.
const test::Certificates& certificates() {
  static const test::Certificates& made = *[] {
    static const test::Certificates kCertificates;
    kCertificates.authority("ca");
    kCertificates.authority("other_ca");
    kCertificates.signed_by("ca", "server", "subjectAltName=IP:127.0.0.1");
    kCertificates.signed_by("ca", "client", "subjectAltName=DNS:analyzer");
    kCertificates.signed_by("ca", "wrong_host", "subjectAltName=DNS:elsewhere");
    return &kCertificates;
  }();
  return made;
}

/// cpp-httplib's TLS server with a remote-read endpoint.
class TlsServer {
 public:
  explicit TlsServer(const std::string& certificate, const std::string& client_ca = "", int newest_tls = 0)
      : server_(certificates().file(certificate + ".pem").c_str(),
                certificates().file(certificate + ".key").c_str(),
                client_ca.empty() ? nullptr : certificates().file(client_ca + ".pem").c_str()) {
    if (newest_tls != 0) {
      SSL_CTX_set_security_level(server_.ssl_context(), 0);
      SSL_CTX_set_min_proto_version(server_.ssl_context(), TLS1_VERSION);
      SSL_CTX_set_max_proto_version(server_.ssl_context(), newest_tls);
    }
    server_.Post("/api/v1/read", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(test::frame(test::chunked_series("a")), "application/x-streamed-protobuf");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~TlsServer() { server_.stop(); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// "ok", or the error of a read.
  [[nodiscard]] std::string read(const SourceTls& tls) const {
    SourceOptions options;
    options.url = "https://127.0.0.1:" + std::to_string(port_);
    options.mode = ReadMode::kChunks;
    options.tls = tls;
    const auto source = make_remote_source(options);
    if (!source) return source.error().message;
    const ReadQuery query{{parse_selector("up").value()}, 0, 10'000, 0};
    const auto read = (*source)->read(query, [](const LabelSet&, std::span<const Sample>) {});
    if (read) return read->samples == 2 ? "ok" : "wrong answer";
    EXPECT_EQ((*source)->status().fault_count(FaultKind::kTls) +
                  (*source)->status().fault_count(FaultKind::kConnect),
              1U);
    return read.error().message;
  }

 private:
  httplib::SSLServer server_;
  int port_ = 0;
  std::jthread thread_;
};

SourceTls trusting(const std::string& ca) {
  SourceTls tls;
  tls.ca_file = certificates().file(ca + ".pem");
  return tls;
}

TEST(Tls, AServerWhoseAuthorityIsTrustedIsRead) {
  EXPECT_EQ(TlsServer("server").read(trusting("ca")), "ok");
}

TEST(Tls, AnUnknownAuthorityIsRefusedUnlessToldOtherwise) {
  const TlsServer server("server");
  EXPECT_THAT(server.read(trusting("other_ca")), HasSubstr("certificate is not trusted"));
  EXPECT_THAT(server.read({}), HasSubstr("certificate is not trusted"));
  EXPECT_EQ(server.read({.insecure_skip_verify = true}), "ok");
}

TEST(Tls, ACertificateForAnotherHostIsRefused) {
  EXPECT_THAT(TlsServer("wrong_host").read(trusting("ca")), HasSubstr("not for this host"));
}

TEST(Tls, AServerThatAsksForAClientCertificateGetsIt) {
  const TlsServer server("server", "ca");
  EXPECT_NE(server.read(trusting("ca")), "ok");
  SourceTls tls = trusting("ca");
  tls.cert_file = certificates().file("client.pem");
  tls.key_file = certificates().file("client.key");
  EXPECT_EQ(server.read(tls), "ok");
  tls.key_file = certificates().file("server.key");
  EXPECT_THAT(server.read(tls), HasSubstr("cannot use the client key"));
}

TEST(Tls, VersionsBelowOneTwoAreRefused) {
  EXPECT_THAT(TlsServer("server", "", TLS1_1_VERSION).read(trusting("ca")),
              HasSubstr("TLS handshake failed"));
  EXPECT_EQ(TlsServer("server", "", TLS1_2_VERSION).read(trusting("ca")), "ok");
}

TEST(Tls, AHandshakeThatIsDraggedOutEndsAtTheDeadline) {
  const test::FaultServer server([](test::FaultConnection& connection, const std::string&) {
    // A record header that announces 16 KiB of handshake, which then come byte by byte.
    connection.send(std::string("\x16\x03\x03\x40\x00\x02\x00\x3f\xf0", 9));
    connection.drip("x");
  });
  SourceOptions options;
  options.url = "https://127.0.0.1:" + std::to_string(server.port());
  options.budget.timeout = std::chrono::milliseconds(300);
  const auto source = make_remote_source(options);
  ASSERT_TRUE(source.has_value());
  const ReadQuery query{{parse_selector("up").value()}, 0, 10'000, 0};
  EXPECT_FALSE((*source)->read(query, [](const LabelSet&, std::span<const Sample>) {}).has_value());
  EXPECT_EQ((*source)->status().fault_count(FaultKind::kTimeout), 1U);
}

}  // namespace
}  // namespace sonde::analyzer
