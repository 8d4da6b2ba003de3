// Restricted pages of a server with --web.config.file.

#include <gtest/gtest.h>

#include "tests/http/secure_server.h"

namespace sonde::http {
namespace {

// "U*U"
const std::string kOneUser =
    "basic_auth_users:\n  alice: $2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";

/// A server whose page /mine tells whether its client is authenticated; a client that is not on this host is
/// played by one that a proxy speaks for.
struct Restricting {
  explicit Restricting(const std::string& name, const std::string& text) : test(options(name, text)) {
    test.server.get("/mine", Server::restricted([](const Request& request) {
                      Response response;
                      response.body = request.authenticated ? "known\n" : "local\n";
                      return response;
                    }));
    test.start();
  }
  static WebOptions options(const std::string& name, const std::string& text) {
    WebOptions options;
    options.config_file = write_config(name, text);
    return options;
  }
  TestServer test;
};

const std::string kFromElsewhere = "X-Forwarded-For: 192.0.2.7\r\n";

TEST(RestrictedAccess, APasswordOpensThePageFromAnywhere) {
  Restricting server("restricted.yml", kOneUser);
  EXPECT_EQ(get(server.test.port(), "/mine", kFromElsewhere)->status, 401);
  EXPECT_EQ(get(server.test.port(), "/mine", kFromElsewhere + basic("alice", "u*u"))->status, 401);
  EXPECT_EQ(get(server.test.port(), "/mine", kFromElsewhere + basic("alice", "U*U"))->body, "known\n");
}

TEST(RestrictedAccess, AConfigurationWithoutAuthenticationOpensNothing) {
  Restricting server("headers.yml", "http_server_config:\n  headers:\n    X-Frame-Options: deny\n");
  EXPECT_EQ(get(server.test.port(), "/mine", kFromElsewhere)->status, 403);
}

TEST(RestrictedAccess, ACertificateThatMustBeVerifiedOpensThePage) {
  const std::string ca = "  client_ca_file: ca.pem\n";
  Restricting verified("verified.yml", tls_lines() + "  client_auth_type: RequireAndVerifyClientCert\n" + ca);
  EXPECT_NE(
      TlsClient(verified.test.port(), trusting("ca", "client")).get("/mine", kFromElsewhere).find("known\n"),
      std::string::npos);
  Restricting if_given("if_given.yml", tls_lines() + "  client_auth_type: VerifyClientCertIfGiven\n" + ca);
  EXPECT_NE(
      TlsClient(if_given.test.port(), trusting("ca", "client")).get("/mine", kFromElsewhere).find(" 403 "),
      std::string::npos);
}

}  // namespace
}  // namespace sonde::http
