#include "analyzer/source/source_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/source/http_client.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::analyzer {
namespace {

using testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// The error of options that are refused; "" if they are not.
std::string refusal(const SourceOptions& options) {
  const auto source = make_remote_source(options);
  if (source) return "";
  EXPECT_EQ(source.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(source.error().message.find('\n'), std::string::npos);
  return source.error().message;
}

std::string refusal_of_url(const std::string& url) {
  SourceOptions options;
  options.url = url;
  return refusal(options);
}

TEST(SourceOptions, DefaultsAreAccepted) {
  EXPECT_EQ(refusal({}), "");
}

TEST(SourceOptions, UrlsAreTakenApart) {
  const Endpoint plain = parse_endpoint("http://prometheus:9090").value();
  EXPECT_EQ(plain.host, "prometheus");
  EXPECT_EQ(plain.port, 9090);
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.prefix, "");
  const Endpoint secure = parse_endpoint("https://mimir.example/prometheus/").value();
  EXPECT_EQ(secure.host, "mimir.example");
  EXPECT_EQ(secure.port, 443);
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.prefix, "/prometheus");
  const Endpoint six = parse_endpoint("http://[::1]:9090/a/b").value();
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.authority, "[::1]:9090");
  EXPECT_EQ(six.prefix, "/a/b");
}

TEST(SourceOptions, UrlsThatCannotBeRightAreRefused) {
  for (const char* url :
       {"", "prometheus:9090", "file:///etc/passwd", "gopher://x/", "http://", "http:///path",
        "http://host:0", "http://host:65536", "http://host:x", "http://host:9090?a=b", "http://host/#f",
        "http://ho st/", "http://host\r\nX: y/", "http://[::1", "http://[::1]9090"}) {
    EXPECT_THAT(refusal_of_url(url), HasSubstr("url")) << url;
  }
}

TEST(SourceOptions, CredentialsInAUrlAreRefusedWithoutShowingThem) {
  for (const char* url : {"http://admin:hunter2@host:9090", "ftp://admin:hunter2@host"}) {
    EXPECT_THAT(refusal_of_url(url),
                AllOf(HasSubstr("url"), HasSubstr("set basic_auth.username"), Not(HasSubstr("hunter2"))));
  }
}

TEST(SourceOptions, AUrlWithoutItsSchemeIsShownWithIt) {
  EXPECT_THAT(refusal_of_url("localhost:9090"), EndsWith("https://; write http://localhost:9090"));
  EXPECT_THAT(refusal_of_url("mimir/prometheus/"), EndsWith("; write http://mimir:9090/prometheus"));
  EXPECT_THAT(refusal_of_url("[::1]"), EndsWith("; write http://[::1]:9090"));
  for (const char* url : {"", "ftp://host", "a b:9090", ":9090"}) {
    EXPECT_THAT(refusal_of_url(url), EndsWith("must begin with http:// or https://")) << url;
  }
}

TEST(SourceOptions, ContradictingCredentialsAreRefusedWithoutShowingThem) {
  const SourceAuth contradictions[] = {
      {.username = "u", .password = "hunter2", .bearer_token = "t0ken"},
      {.password = "hunter2"},
      {.username = "u", .password = "hunter2", .password_file = "/f"},
      {.bearer_token = "t0ken", .bearer_token_file = "/f"},
      {.username = "a:b", .password = "hunter2"},
      {.username = "u", .password = "hunter2\r\nX: y"},
      {.bearer_token = "t0ken\n"},
      {.tenant = "a\nb"},
  };
  for (const SourceAuth& auth : contradictions) {
    SourceOptions options;
    options.auth = auth;
    const std::string message = refusal(options);
    EXPECT_NE(message, "");
    EXPECT_THAT(message, Not(HasSubstr("hunter2")));
    EXPECT_THAT(message, Not(HasSubstr("t0ken")));
  }
}

TEST(SourceOptions, TlsOptionsMustFitTheUrlAndExist) {
  const test::ScratchDirectory folder;
  const std::string file = folder.write("file.pem", "");
  SourceOptions options;
  options.tls.insecure_skip_verify = true;
  EXPECT_THAT(refusal(options), HasSubstr("url=http://127.0.0.1:9090: not https://"));
  options.url = "https://host";
  EXPECT_EQ(refusal(options), "");
  options.tls.cert_file = file;
  EXPECT_THAT(refusal(options), HasSubstr("tls.key_file: missing beside the other"));
  options.tls.key_file = folder.path() + "/missing.pem";
  EXPECT_THAT(refusal(options), HasSubstr("key_file"));
  options.tls.key_file = file;
  EXPECT_EQ(refusal(options), "");
  options.tls.ca_file = folder.path();
  EXPECT_THAT(refusal(options), HasSubstr("ca_file"));
}

TEST(SourceOptions, BudgetsOfNothingAreRefused) {
  SourceOptions options;
  options.budget.timeout = std::chrono::milliseconds(0);
  EXPECT_NE(refusal(options), "");
  options = {};
  options.budget.memory_bytes = 0;
  EXPECT_NE(refusal(options), "");
  options = {};
  options.concurrent_reads = 0;
  EXPECT_NE(refusal(options), "");
}

TEST(SourceOptions, ModesHaveNames) {
  EXPECT_EQ(parse_read_mode("auto").value(), ReadMode::kAuto);
  EXPECT_EQ(parse_read_mode("samples").value(), ReadMode::kSamples);
  EXPECT_EQ(parse_read_mode("chunks").value(), ReadMode::kChunks);
  EXPECT_EQ(parse_read_mode("query_range").value(), ReadMode::kQueryRange);
  EXPECT_THAT(parse_read_mode("fast").error().message, HasSubstr("auto, samples, chunks, query_range"));
}

}  // namespace
}  // namespace sonde::analyzer
