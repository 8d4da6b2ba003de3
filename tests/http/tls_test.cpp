// HTTPS with real handshakes: versions, suites, client certificates, reload, and how a start fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "common/http/access/live_web_config.h"
#include "tests/http/secure_server.h"
#include "tests/support/child_process.h"

namespace sonde::http {
namespace {

using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// "" for a scrape that works, or the client's error.
std::string scrape(uint16_t port, const TlsClientOptions& options) {
  TlsClient client(port, options);
  const std::string answer = client.get("/metrics");
  if (answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("sonde_test_up 1\n")) return "";
  return client.error().empty() ? "answer: " + answer : client.error();
}

TEST(TlsServer, IsScrapedByWhoTrustsItsAuthority) {
  const auto server = serve("plain.yml", tls_lines());
  EXPECT_EQ(scrape(server->port(), trusting("ca")), "");
  EXPECT_THAT(scrape(server->port(), trusting("other_ca")), HasSubstr("certificate verify failed"));
  EXPECT_EQ(scrape(server->port(), trusting("ca")), "");
}

TEST(TlsServer, IsScrapedByCurl) {
  const auto server = serve("curl.yml", tls_lines());
  const std::string page = certificates().file("page");
  test::ChildProcess curl({"curl", "-sS", "--http2", "--cacert", certificates().file("ca.pem"),
                           "https://127.0.0.1:" + std::to_string(server->port()) + "/metrics"},
                          page);
  EXPECT_EQ(curl.wait(), 0);
  std::ifstream file(page);
  EXPECT_THAT(std::string((std::istreambuf_iterator<char>(file)), {}), EndsWith("sonde_test_up 1\n"));
}

TEST(TlsServer, AnswersManyRequestsOfAConnectionAndLargeOnes) {
  WebOptions options;
  options.config_file = write_config("many.yml", tls_lines());
  TestServer test(options);
  test.server.get("/large", [](const Request&) {
    Response response;
    response.body.assign(5UL * 1024 * 1024, 'x');
    return response;
  });
  test.start();
  TlsClient client(test.port(), trusting("ca"));
  std::string all;
  for (int i = 0; i < 20; ++i) all += "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(client.send(all));
  const std::string answers = client.get("/large");
  size_t healthy = 0;
  for (size_t at = answers.find("is healthy"); at != std::string::npos;
       at = answers.find("is healthy", at + 1))
    ++healthy;
  EXPECT_EQ(healthy, 20U);
  EXPECT_THAT(answers.substr(answers.size() - 10), "xxxxxxxxxx");
  EXPECT_GT(answers.size(), 5UL * 1024 * 1024);
  EXPECT_EQ(client.error(), "") << "the end is told by close_notify";
}

TEST(TlsServer, ABodyAfterExpectContinueArrives) {
  WebOptions options;
  options.config_file = write_config("continue.yml", tls_lines());
  TestServer test(options);
  test.server.post("/in", [](const Request& request) {
    Response response;
    response.body = request.body;
    return response;
  });
  test.start();
  TlsClient client(test.port(), trusting("ca"));
  ASSERT_TRUE(
      client.send("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: "
                  "close\r\n\r\n"));
  std::string interim(25, '\0');
  ASSERT_EQ(SSL_read(client.ssl(), interim.data(), 25), 25);
  EXPECT_EQ(interim, "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.send("body"));
  EXPECT_THAT(client.receive_all(), EndsWith("\r\n\r\nbody"));
}

TEST(TlsServer, TellsAPlainHttpClientSo) {
  const auto server = serve("http.yml", tls_lines());
  for (const std::string request :
       {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    RawClient client(server->port());
    client.send(request);
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_EQ(answer->body, "this port speaks HTTPS: use https://\n");
    EXPECT_TRUE(client.hangs_up());
  }
}

TEST(TlsServer, SpeaksNoOtherVersionsThanConfigured) {
  const auto server = serve("default.yml", tls_lines());
  const auto only_13 = serve("only13.yml", tls_lines() + "  min_version: TLS13\n");
  const auto only_12 = serve("only12.yml", tls_lines() + "  max_version: TLS12\n");
  const auto client = [](int version) {
    TlsClientOptions options = trusting("ca");
    options.min_version = options.max_version = version;
    return options;
  };
  const auto refused = HasSubstr("protocol version");
  EXPECT_EQ(scrape(server->port(), client(TLS1_2_VERSION)), "");
  EXPECT_EQ(scrape(server->port(), client(TLS1_3_VERSION)), "");
  EXPECT_EQ(scrape(only_13->port(), client(TLS1_3_VERSION)), "");
  EXPECT_THAT(scrape(only_13->port(), client(TLS1_2_VERSION)), refused);
  EXPECT_EQ(scrape(only_12->port(), client(TLS1_2_VERSION)), "");
  EXPECT_THAT(scrape(only_12->port(), client(TLS1_3_VERSION)), refused);
  EXPECT_THAT(scrape(server->port(), client(TLS1_1_VERSION)), refused);
  EXPECT_THAT(scrape(server->port(), client(TLS1_VERSION)), refused);
}

TEST(TlsServer, TakesTheSuitesAndCurvesConfiguredInTheirOrder) {
  const std::string lines = tls_lines() +
                            "  max_version: TLS12\n  curve_preferences: [CurveP384]\n"
                            "  cipher_suites:\n"
                            "    - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\n"
                            "    - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n";
  TlsClientOptions options = trusting("ca");
  options.cipher_list = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305";
  const auto chosen = [&](const TestServer& server) {
    TlsClient client(server.port(), options);
    return client.error().empty() ? std::string(SSL_get_cipher_name(client.ssl())) : client.error();
  };
  EXPECT_EQ(chosen(*serve("order.yml", lines)), "ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(chosen(*serve("clients.yml", lines + "  prefer_server_cipher_suites: false\n")),
            "ECDHE-ECDSA-AES128-GCM-SHA256");
  const auto server = serve("curves.yml", lines);
  options.groups = "P-256";
  EXPECT_THAT(chosen(*server), HasSubstr("handshake failure"));
  options.groups = "P-256:P-384";
  EXPECT_EQ(chosen(*server), "ECDHE-ECDSA-CHACHA20-POLY1305");
  options.cipher_list = "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_THAT(chosen(*server), HasSubstr("handshake failure"));
}

/// Whether a client with no certificate, the authority's and a stranger's gets its scrape.
struct LetsIn {
  bool nobody, client, stranger;
  bool operator==(const LetsIn&) const = default;
  friend void PrintTo(const LetsIn& in, std::ostream* out) { *out << in.nobody << in.client << in.stranger; }
};

LetsIn lets_in(const std::string& more, int version) {
  const auto server = serve("auth.yml", tls_lines() + more);
  const auto works = [&](const std::string& certificate) {
    TlsClientOptions options = trusting("ca", certificate);
    options.max_version = version;
    const std::string error = scrape(server->port(), options);
    if (!error.empty()) {
      EXPECT_THAT(error, AnyOf(HasSubstr("alert certificate required"), HasSubstr("unknown ca"),
                               HasSubstr("handshake failure"), HasSubstr("bad certificate")));
    }
    return error.empty();
  };
  return {works(""), works("client"), works("stranger")};
}

TEST(TlsServer, AsksForClientCertificatesAsConfigured) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string ca = "  client_ca_file: ca.pem\n";
    EXPECT_EQ(lets_in("", version), LetsIn(true, true, true));
    EXPECT_EQ(lets_in("  client_auth_type: RequestClientCert\n", version), LetsIn(true, true, true));
    EXPECT_EQ(lets_in("  client_auth_type: RequireAnyClientCert\n", version), LetsIn(false, true, true));
    EXPECT_EQ(lets_in("  client_auth_type: VerifyClientCertIfGiven\n" + ca, version),
              LetsIn(true, true, false));
    EXPECT_EQ(lets_in("  client_auth_type: RequireAndVerifyClientCert\n" + ca, version),
              LetsIn(false, true, false));
  }
}

TEST(TlsServer, AsksForTheNamesOfClientCertificates) {
  const std::string verify = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
  const std::string any = "  client_auth_type: RequireAnyClientCert\n";
  for (const std::string name : {"prometheus", "10.1.2.3", "\"spiffe://sonde/prometheus\""}) {
    EXPECT_EQ(lets_in(verify + "  client_allowed_sans: [other, " + name + "]\n", TLS1_3_VERSION),
              LetsIn(false, true, false));
  }
  EXPECT_EQ(lets_in(any + "  client_allowed_sans: [prometheus]\n", TLS1_3_VERSION),
            LetsIn(false, true, true));
  for (const std::string name : {"Prometheus", "client", "prometheus.", "10.1.2.30"}) {
    EXPECT_EQ(lets_in(verify + "  client_allowed_sans: [" + name + "]\n", TLS1_2_VERSION),
              LetsIn(false, false, false));
  }
}

TEST(TlsServer, TakesPemInTheConfigurationItself) {
  const auto indented = [](const std::string& name) {
    std::ifstream file(certificates().file(name));
    std::string text;
    for (std::string line; std::getline(file, line);) text += "    " + line + "\n";
    return text;
  };
  const auto server = serve("inline.yml", "tls_server_config:\n  cert: |\n" + indented("server.pem") +
                                              "  key: |\n" + indented("server.key"));
  EXPECT_EQ(scrape(server->port(), trusting("ca")), "");
}

/// Waits for a change, which counts when it is a second old.
bool eventually_named(uint16_t port, const std::string& name) {
  for (int i = 0; i < 100; ++i) {
    if (TlsClient(port, trusting("ca")).server_name() == name) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

void copy(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(certificates().file(from), certificates().file(to),
                             std::filesystem::copy_options::overwrite_existing);
}

TEST(TlsServer, TakesARenewedCertificateWithoutARestart) {
  copy("server.pem", "live.pem");
  copy("server.key", "live.key");
  const auto server = serve("live.yml", "tls_server_config: {cert_file: live.pem, key_file: live.key}\n");
  TlsClient before(server->port(), trusting("ca"));
  EXPECT_EQ(before.server_name(), "server");
  copy("renewed.pem", "live.pem");  // for a moment it does not fit the key
  EXPECT_EQ(scrape(server->port(), trusting("ca")), "");
  copy("renewed.key", "live.key");
  EXPECT_TRUE(eventually_named(server->port(), "renewed"));
  EXPECT_THAT(before.get("/metrics"), StartsWith("HTTP/1.1 200 OK"));
}

/// What a configuration says after a change of its files, which here counts at once.
class Changes {
 public:
  explicit Changes(const std::string& text) {
    copy("server.pem", "kept.pem");
    copy("server.key", "kept.key");
    auto opened = LiveWebConfig::open(write_config("kept.yml", text), std::chrono::seconds(0));
    EXPECT_TRUE(opened) << opened.error().message;
    live_ = std::move(*opened);
    first_ = live_->current();
  }
  void write(const std::string& text) { write_config("kept.yml", text); }
  /// Whether what was there at first is still what counts.
  [[nodiscard]] bool kept() { return live_->current() == first_; }
  [[nodiscard]] LoadedWebConfig now() { return *live_->current(); }

 private:
  std::unique_ptr<LiveWebConfig> live_;
  std::shared_ptr<const LoadedWebConfig> first_;
};

const std::string kKept = "tls_server_config: {cert_file: kept.pem, key_file: kept.key}\n";
const std::string kAlice =
    "basic_auth_users: {alice: $2y$04$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n";

TEST(LiveWebConfig, AChangeOfAnyFileIsTakenOver) {
  Changes changes(kKept);
  EXPECT_TRUE(changes.kept());
  changes.write(kKept + "# the same otherwise, " + "but it is another file");
  EXPECT_FALSE(changes.kept());
  const auto before = changes.now().tls;
  EXPECT_EQ(changes.now().tls, before);
  copy("renewed.pem", "kept.pem");
  EXPECT_EQ(changes.now().tls, before) << "it does not fit the key";
  copy("renewed.key", "kept.key");
  EXPECT_NE(changes.now().tls, before);
  changes.write(kKept + "http_server_config: {headers: {X-Frame-Options: deny}}\n");
  EXPECT_EQ(changes.now().config.headers.size(), 1U);
}

TEST(LiveWebConfig, AWrongChangeLeavesWhatWasThereUntilItIsPutRight) {
  Changes changes(kKept + kAlice);
  std::filesystem::remove(certificates().file("kept.key"));
  EXPECT_TRUE(changes.kept());
  changes.write("tls_server_config: [\n");
  EXPECT_TRUE(changes.kept());
  std::filesystem::remove(certificates().file("kept.yml"));
  EXPECT_TRUE(changes.kept());
  changes.write(kKept + kAlice);
  EXPECT_TRUE(changes.kept()) << "its key is still missing";
  copy("server.key", "kept.key");
  EXPECT_FALSE(changes.kept());
}

TEST(LiveWebConfig, TlsAndPasswordsNeitherComeNorGoWithoutARestart) {
  Changes both(kKept + kAlice);
  for (const std::string& text : {std::string(), kKept, kAlice}) {
    both.write(text);
    EXPECT_TRUE(both.kept()) << text;
  }
  Changes neither("");
  for (const std::string& text : {kKept, kAlice}) {
    neither.write(text);
    EXPECT_TRUE(neither.kept()) << text;
  }
}

TEST(LiveWebConfig, AChangeIsNotTakenOverWhileItMayBeHalfWritten) {
  const std::string file = write_config("slow.yml", kAlice + "#");
  const auto live = LiveWebConfig::open(file, std::chrono::hours(1));
  ASSERT_TRUE(live);
  write_config("slow.yml",
               "basic_auth_users: {bob: $2y$04$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n");
  EXPECT_EQ((*live)->current()->config.users.begin()->first, "alice");
}

std::string start_error(const std::string& name, const std::string& text) {
  const auto opened = LiveWebConfig::open(write_config(name, text));
  return opened ? "" : opened.error().message;
}

TEST(LiveWebConfig, FilesThatAreWrongAreNamedWithLineKeyAndRemedy) {
  const std::string web = certificates().file("wrong.yml");
  const auto error = [](const std::string& certificate, const std::string& key,
                        const std::string& more = "") {
    return start_error("wrong.yml", "tls_server_config:\n  cert_file: " + certificate +
                                        "\n  key_file: " + key + "\n" + more);
  };
  EXPECT_EQ(error("server.pem", "server.key"), "");
  EXPECT_EQ(error("none.pem", "server.key"), web +
                                                 ":2: tls_server_config.cert_file=none.pem: No such file or "
                                                 "directory; name a file that exists and can be read");
  EXPECT_EQ(error("server.pem", "."),
            web + ":3: tls_server_config.key_file=.: not a regular file; name one, no directory or pipe");
  EXPECT_EQ(
      error("server.pem", "/dev/zero"),
      web + ":3: tls_server_config.key_file=/dev/zero: not a regular file; name one, no directory or pipe");
  EXPECT_EQ(error("server.key", "server.key"), web +
                                                   ":2: tls_server_config.cert_file=server.key: holds no "
                                                   "certificate; give PEM text with BEGIN CERTIFICATE");
  EXPECT_EQ(error("server.pem", "server.pem"), web +
                                                   ":3: tls_server_config.key_file=server.pem: holds no "
                                                   "private key; give PEM text with BEGIN PRIVATE KEY");
  EXPECT_THAT(error("server.pem", "client.key"),
              StartsWith(web + ":3: tls_server_config.key_file=client.key: does not fit the certificate ("));
  EXPECT_THAT(error("server.pem", "server.key",
                    "  client_ca_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n"),
              StartsWith(web + ":4: tls_server_config.client_ca_file=server.key: holds no certificate"));
  write_config("broken.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(
      error("broken.pem", "server.key"),
      web + ":2: tls_server_config.cert_file=broken.pem: certificate 1 cannot be read; write the file anew");
}

TEST(LiveWebConfig, AKeyWithAPassphraseIsRefusedAndNobodyIsAsked) {
  test::ChildProcess openssl({"openssl", "pkey", "-in", certificates().file("server.key"), "-aes256",
                              "-passout", "pass:x", "-out", certificates().file("locked.key")},
                             "");
  ASSERT_EQ(openssl.wait(), 0);
  EXPECT_THAT(start_error("locked.yml", "tls_server_config: {cert_file: server.pem, key_file: locked.key}\n"),
              HasSubstr("tls_server_config.key_file=locked.key: the key has a passphrase; remove it with"));
}

TEST(LiveWebConfig, AFileThatIsNotThereIsNamedByTheFlag) {
  const auto opened = LiveWebConfig::open("/nonexistent/web.yml");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message,
            "--web.config.file=/nonexistent/web.yml: No such file or directory; name a file that exists and "
            "can be read");
}

TEST(TlsServer, AWrongConfigurationEndsTheStartBeforeAnythingListens) {
  WebOptions options;
  options.config_file =
      write_config("bad.yml", "tls_server_config: {cert_file: server.pem, key_file: client.key}\n");
  TestServer test(options);
  const auto started = test.server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message,
              HasSubstr("bad.yml:1: tls_server_config.key_file=client.key: does not fit"));
}

}  // namespace
}  // namespace sonde::http
