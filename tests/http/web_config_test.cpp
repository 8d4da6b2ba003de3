// The format of --web.config.file, without the files that it names.

#include "common/http/access/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace sonde::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

const std::string kHash = "$2y$04$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

WebConfig good(const std::string& text) {
  const auto config = parse_web_config(text, "/etc/sonde/web.yml");
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  return config ? *config : WebConfig();
}

std::string complaint(const std::string& text) {
  const auto config = parse_web_config(text, "web.yml");
  return config ? "" : config.error().message;
}

const std::string kPair = "  cert_file: server.crt\n  key_file: keys/server.key\n";

TEST(WebConfig, NothingIsPlainHttpWithoutPasswords) {
  for (const char* text : {"", "{}", "# only a comment\n", "tls_server_config:\nhttp_server_config:\n"}) {
    const WebConfig config = good(text);
    EXPECT_FALSE(config.tls) << text;
    EXPECT_THAT(config.users, IsEmpty());
    EXPECT_THAT(config.headers, IsEmpty());
    EXPECT_EQ(config.rate_limit.interval.count(), 0);
  }
}

TEST(WebConfig, PathsAreRelativeToTheFile) {
  const WebConfig config = good("tls_server_config:\n" + kPair);
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->certificate.file, "/etc/sonde/server.crt");
  EXPECT_EQ(config.tls->key.file, "/etc/sonde/keys/server.key");
  EXPECT_EQ(good("tls_server_config: {cert_file: /a/b.pem, key_file: /c.key}").tls->certificate.file,
            "/a/b.pem");
}

TEST(WebConfig, DefaultsAreThoseOfExporterToolkit) {
  const TlsSettings tls = *good("tls_server_config:\n" + kPair).tls;
  EXPECT_EQ(tls.client_auth, ClientAuth::kNone);
  EXPECT_EQ(tls.min_version, TlsVersion::kTls12);
  EXPECT_EQ(tls.max_version, TlsVersion::kTls13);
  EXPECT_TRUE(tls.prefer_server_cipher_suites);
  EXPECT_EQ(tls.cipher_list, "");
  EXPECT_EQ(tls.groups, "");
}

TEST(WebConfig, EveryKeyIsRead) {
  const WebConfig config = good("tls_server_config:\n" + kPair + R"(
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus, 10.0.0.1]
  min_version: TLS12
  max_version: TLS13
  cipher_suites:
    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
    - TLS_AES_128_GCM_SHA256
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    Content-Security-Policy: default-src 'self'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: ""
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: )" + kHash + "\n  \"bob smith\": '" +
                                kHash + "'\nrate_limit: {interval: 1s500ms, burst: 20}\n");
  const TlsSettings& tls = *config.tls;
  EXPECT_EQ(tls.client_ca.file, "/etc/sonde/ca.pem");
  EXPECT_EQ(tls.client_auth, ClientAuth::kRequireAndVerify);
  EXPECT_THAT(tls.client_allowed_sans, ElementsAre("prometheus", "10.0.0.1"));
  EXPECT_EQ(tls.cipher_list, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_FALSE(tls.prefer_server_cipher_suites);
  EXPECT_EQ(tls.groups, "X25519:P-256");
  EXPECT_THAT(config.headers,
              ElementsAre(Pair("Content-Security-Policy", "default-src 'self'"),
                          Pair("Strict-Transport-Security", "max-age=31536000"),
                          Pair("X-Content-Type-Options", "nosniff"), Pair("X-Frame-Options", "deny")))
      << "a blank one is unset";
  EXPECT_THAT(config.users, ElementsAre(Pair("alice", kHash), Pair("bob smith", kHash)));
  EXPECT_EQ(config.rate_limit.interval, std::chrono::milliseconds(1500));
  EXPECT_EQ(config.rate_limit.burst, 20U);
}

TEST(WebConfig, SuitesOfTls13AloneLeaveNothingForTls12) {
  const TlsSettings tls =
      *good("tls_server_config:\n" + kPair + "  cipher_suites: [TLS_AES_256_GCM_SHA384]\n").tls;
  EXPECT_EQ(tls.min_version, TlsVersion::kTls13);
}

struct Wrong {
  std::string text;
  std::string says;  // the whole of it
};

TEST(WebConfig, EachMistakeIsOneLineWithFileLineKeyAndRemedy) {
  const std::string tls = "tls_server_config:\n" + kPair;
  const std::vector<Wrong> mistakes = {
      {"tls_config: {}",
       "web.yml:1: tls_config: unknown key; remove it or use one of basic_auth_users, "
       "http_server_config, rate_limit, tls_server_config"},
      {tls + "  cert_files: a",
       "web.yml:4: tls_server_config.cert_files: unknown key; remove it or use one of cert, "
       "cert_file, cipher_suites, client_allowed_sans, client_auth_type, client_ca, "
       "client_ca_file, curve_preferences, key, key_file, max_version, min_version, "
       "prefer_server_cipher_suites"},
      {"- a", "web.yml:1: : a map of keys is wanted here; write `key: value` lines, indented alike"},
      {"a: [", "web.yml:1: not YAML: end of sequence flow not found; mind the indentation and quotes"},
      {"tls_server_config: yes",
       "web.yml:1: tls_server_config: a map of keys is wanted here; write `key: value` "
       "lines, indented alike"},
      {"tls_server_config:\n  cert_file: a.crt",
       "web.yml:2: tls_server_config.key_file: missing; TLS needs cert_file and key_file"},
      {"tls_server_config:\n  key_file: a.key",
       "web.yml:2: tls_server_config.cert_file: missing; TLS needs cert_file and key_file"},
      {"tls_server_config:\n  min_version: TLS13",
       "web.yml:2: tls_server_config.cert_file: missing; TLS needs cert_file and key_file"},
      {tls + "  cert: PEM",
       "web.yml:2: tls_server_config.cert_file: cert stands there too; give one of the two"},
      {"tls_server_config: {cert_file: '', key_file: a}",
       "web.yml:1: tls_server_config.cert_file: give the path of a PEM file"},
      {"tls_server_config: {cert_file: [], key_file: a}",
       "web.yml:1: tls_server_config.cert_file: a text is wanted here"},
      {"tls_server_config: {cert: '', key: a}",
       "web.yml:1: tls_server_config.cert: empty; give PEM text or remove the key"},
      {tls + "  cert_file: b",
       "web.yml:4: tls_server_config.cert_file: stands here twice; remove one of the two"},
      {tls + "  client_auth_type: Always",
       "web.yml:4: tls_server_config.client_auth_type=Always: use one of NoClientCert, RequestClientCert, "
       "RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, RequireClientCert"},
      {tls + "  client_auth_type: RequireAndVerifyClientCert",
       "web.yml:4: tls_server_config.client_auth_type=RequireAndVerifyClientCert: nothing says who signs; "
       "add "
       "client_ca_file"},
      {tls + "  client_ca_file: ca.pem",
       "web.yml:4: tls_server_config.client_ca_file: not used with client_auth_type=NoClientCert; use "
       "RequireAndVerifyClientCert, or remove this key"},
      {tls + "  client_allowed_sans: [a]",
       "web.yml:4: tls_server_config.client_allowed_sans: needs client_auth_type=RequireAndVerifyClientCert"},
      {tls + "  client_allowed_sans: []",
       "web.yml:4: tls_server_config.client_allowed_sans: an empty list lets nobody in; name a SAN or remove "
       "the key"},
      {tls + "  min_version: TLS10",
       "web.yml:4: tls_server_config.min_version=TLS10: use one of TLS12, TLS13"},
      {tls + "  min_version: TLS13\n  max_version: TLS12",
       "web.yml:5: tls_server_config.max_version=TLS12: below min_version=TLS13; swap the two"},
      {tls + "  max_version: TLS12\n  cipher_suites: [TLS_AES_128_GCM_SHA256]",
       "web.yml:5: tls_server_config.cipher_suites: only suites of TLS 1.3, and max_version is TLS12; name "
       "one of TLS "
       "1.2 too"},
      {tls + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
       "web.yml:4: tls_server_config.cipher_suites=TLS_RSA_WITH_RC4_128_SHA: use of "},
      {tls + "  cipher_suites: TLS_AES_128_GCM_SHA256",
       "web.yml:4: tls_server_config.cipher_suites: a list is wanted here, such as [a, b]"},
      {tls + "  curve_preferences: [X25519MLKEM768]",
       "web.yml:4: tls_server_config.curve_preferences=X25519MLKEM768: use of X25519, CurveP256, CurveP384, "
       "CurveP521"},
      {tls + "  prefer_server_cipher_suites: maybe",
       "web.yml:4: tls_server_config.prefer_server_cipher_suites=maybe: use true or false"},
      {"http_server_config:\n  http2: true",
       "web.yml:2: http_server_config.http2=true: HTTP/2 is not offered; use false or remove the key"},
      {"http_server_config:\n  headers:\n    Server: x",
       "web.yml:3: http_server_config.headers.Server: unknown key; remove it or use one of "
       "Content-Security-Policy, "
       "Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection"},
      {"http_server_config:\n  headers:\n    X-Frame-Options: none",
       "web.yml:3: http_server_config.headers.X-Frame-Options=none: use deny or sameorigin"},
      {"http_server_config:\n  headers:\n    X-XSS-Protection: \"1\\r\\nSet-Cookie: a\"",
       "web.yml:3: http_server_config.headers.X-XSS-Protection: holds a line end or a control character; "
       "remove it"},
      {"rate_limit: {interval: 3}",
       "web.yml:1: rate_limit.interval=3: use a duration from 0s to 1h, such as 500ms, 15s or 1m30s"},
      {"rate_limit: {interval: 1s, burst: 0}",
       "web.yml:1: rate_limit.burst=0: use a whole number from 1 to 1000000"},
  };
  for (const Wrong& wrong : mistakes) {
    const std::string said = complaint(wrong.text);
    EXPECT_EQ(said.substr(0, wrong.says.size()), wrong.says) << wrong.text;
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
}

TEST(WebConfig, AHashThatIsNoneIsRefusedWithoutBeingShown) {
  const std::string remedy = ": not a bcrypt hash; make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'";
  for (const std::string& secret :
       {std::string("hunter2"), kHash.substr(0, 59), kHash + "x", "$2x$" + kHash.substr(4),
        "$2y$0a$" + kHash.substr(7), "$2y$03$" + kHash.substr(7), "$2y$32$" + kHash.substr(7),
        "$6$" + kHash.substr(3), kHash.substr(0, 58) + "$$"}) {
    const std::string said = complaint("basic_auth_users:\n  alice: \"" + secret + '"');
    EXPECT_EQ(said, "web.yml:2: basic_auth_users.alice" + remedy);
    EXPECT_THAT(said, Not(HasSubstr(secret)));
  }
  EXPECT_EQ(complaint("basic_auth_users:\n  alice: [a]"), "web.yml:2: basic_auth_users.alice" + remedy);
  EXPECT_EQ(complaint("basic_auth_users:\n  alice: $2y$15$" + kHash.substr(7)),
            "web.yml:2: basic_auth_users.alice: cost 15 takes too long at each check; use 10 to 14");
  EXPECT_EQ(complaint("basic_auth_users:\n  a:b: " + kHash),
            "web.yml:2: basic_auth_users: a user's name holds ':' or a control character");
}

TEST(WebConfig, KeysInTheFileAreNeverShown) {
  const std::string secret = "-----BEGIN PRIVATE KEY----- MIGHAgEAMBMG";
  const std::string text = "tls_server_config:\n  cert: X\n  key: \"" + secret + "\"\n";
  const WebConfig config = good(text);
  EXPECT_EQ(config.tls->key.text, secret);
  EXPECT_EQ(config.tls->key.place, "/etc/sonde/web.yml:3: tls_server_config.key");
  EXPECT_THAT(complaint(text + "  key_file: a\n"), Not(HasSubstr("BEGIN")));
}

TEST(WebConfig, TheExampleOfTheDocumentsIsRight) {
  std::ifstream file(SONDE_SOURCE_DIR "/docs/web-config.yml");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto config = parse_web_config(text, "docs/web-config.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->tls);
  EXPECT_EQ(config->users.size(), 1U);
  // The lines that are commented out are right too.
  std::string all;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    all += line.starts_with("#  ") || line.starts_with("#r") ? line.substr(1) : line;
    all += '\n';
    at = end + 1;
  }
  const auto with_all = parse_web_config(all, "docs/web-config.yml");
  ASSERT_TRUE(with_all) << with_all.error().message << "\n" << all;
  EXPECT_EQ(with_all->tls->client_auth, ClientAuth::kRequireAndVerify);
  EXPECT_NE(with_all->rate_limit.interval.count(), 0);
}

}  // namespace
}  // namespace sonde::http
