#include "exporter/flows/tracing/trace_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

using testing::HasSubstr;

TEST(TraceRequest, AFlowIsTwoEndsWithPorts) {
  const auto request = parse_trace_request(
      R"({"flow": {"local": "10.0.0.1:4711", "remote": "[fd00::2]:80"}, "seconds": 0.5})");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_TRUE(request->flow);
  EXPECT_EQ(trace_end_text(request->flow->source, request->flow->source_port), "10.0.0.1:4711");
  EXPECT_EQ(trace_end_text(request->flow->destination, request->flow->destination_port), "[fd00::2]:80");
  EXPECT_EQ(request->duration, std::chrono::milliseconds(500));
}

TEST(TraceRequest, AContainerIsAnyOfItsLabels) {
  const auto request =
      parse_trace_request(R"({"container": {"service": "api", "pod": "api-1"}, "remote": "10.0.0.2"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_FALSE(request->flow);
  EXPECT_EQ(request->container.service, "api");
  EXPECT_EQ(request->container.pod, "api-1");
  ASSERT_TRUE(request->remote);
  EXPECT_EQ(request->remote->port, 0);
  EXPECT_EQ(request->duration, std::chrono::seconds(5));
}

TEST(TraceRequest, WhatIsWrongIsNamedWithItsRemedy) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"", "no JSON object"},
      {"[1]", "no JSON object"},
      {R"({"container": {"service": "api"})", "no JSON object"},
      {R"({"seconds": 5})", R"(give one of "flow" and "container")"},
      {R"({"flow": {}, "container": {}})", R"(give one of "flow" and "container")"},
      {R"({"container": {"service": "api"}, "second": 5})",
       R"("second": no such key; there are: flow, container)"},
      {R"({"container": {}})", "give at least one of"},
      {R"({"container": {"service": ""}})", "container.service: \"\": give a text that is not empty"},
      {R"({"container": {"service": 7}})", "container.service: \"7\": give a text that is not empty"},
      {R"({"container": {"name": "x"}})", R"(container: "name": no such key)"},
      {R"({"container": {"service": "a"}, "seconds": 61})", "seconds: \"61\": give a number from 0.1 to 60"},
      {R"({"container": {"service": "a"}, "seconds": "5"})", "seconds: \"5\": give a number"},
      {R"({"container": {"service": "a"}, "seconds": 0})", "give a number from 0.1 to 60"},
      {R"({"container": {"service": "a"}, "remote": "db"})", "remote: \"db\": give an IP address"},
      {R"({"container": {"service": "a"}, "remote": 5})", "remote: \"5\": give a text"},
      {R"({"flow": {"local": "10.0.0.1:1"}})", "flow.remote is missing"},
      {R"({"flow": {"local": "10.0.0.1", "remote": "10.0.0.2:5"}})", "the port is missing"},
      {R"({"flow": {"local": "10.0.0.1:0", "remote": "10.0.0.2:5"}})", "flow.local"},
      {R"({"flow": {"local": "10.0.0.1:1", "remote": "10.0.0.2:5"}, "remote": "10.0.0.2"})",
       "it goes with \"container\" only"},
      {R"({"container": {"service": {"a": {"b": {"c": {"d": 1}}}}}})", "no JSON object"},
  };
  for (const auto& [body, message] : cases) {
    const auto request = parse_trace_request(body);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(request.error().message, HasSubstr(message)) << body;
  }
  EXPECT_THAT(parse_trace_request(std::string(5000, ' ')).error().message,
              HasSubstr("longer than 4096 bytes"));
}

TEST(TraceRequest, EndsAreReadBackAsTheyAreWritten) {
  for (const char* const text : {"10.0.0.1", "10.0.0.1:80", "fd00::1", "[fd00::1]:65535", "::1"}) {
    const auto end = parse_trace_end(text);
    ASSERT_TRUE(end) << text;
    EXPECT_EQ(trace_end_text(end->address, end->port), text);
  }
  for (const char* const text : {"", ":80", "10.0.0.1:", "10.0.0.1:65536", "10.0.0:1", "[10.0.0.1]:80",
                                 "[fd00::1", "[fd00::1]80", "fd00::1:x", "10.0.0.1:8x"}) {
    EXPECT_FALSE(parse_trace_end(text)) << text;
  }
}

}  // namespace
}  // namespace sonde::exporter
