#include "analyzer/http_api/diagnose_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

using testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000;

Result<DiagnoseRequest> parsed(std::multimap<std::string, std::string> parameters,
                               const std::string& accept = "") {
  http::Request request;
  request.parameters = std::move(parameters);
  request.headers["accept"] = accept;
  return parse_diagnose_request(request, kNow);
}

std::string complaint(std::multimap<std::string, std::string> parameters) {
  const Result<DiagnoseRequest> result = parsed(std::move(parameters));
  return result ? "accepted" : result.error().message;
}

// Expected milliseconds: date -u -d <text> +%s (GNU coreutils).
TEST(DiagnoseRequest, TimesAreUnixSecondsOrRfc3339) {
  EXPECT_EQ(parse_time("1700000000"), 1'700'000'000'000);
  EXPECT_EQ(parse_time("1700000000.25"), 1'700'000'000'250);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20Z"), 1'700'000'000'000);
  EXPECT_EQ(parse_time("2023-11-14T23:13:20.5+01:00"), 1'700'000'000'500);
  EXPECT_EQ(parse_time("2023-11-14t17:43:20.123456-04:30"), 1'700'000'000'123);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(DiagnoseRequest, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "now", "-5", "1e9x", "nan", "inf", "2023-11-14", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z",
        "2023-11-14T25:00:00Z", "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20Zx",
        "2023-11-14T22:13:20 01:00", "99999999999999"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
}

TEST(DiagnoseRequest, WritesTimesThatItReads) {
  EXPECT_EQ(time_text(1'700'000'000'250), "2023-11-14T22:13:20.250Z");
  EXPECT_EQ(parse_time(time_text(kNow + 7)), kNow + 7);
}

TEST(DiagnoseRequest, WithoutParametersAsksForEverythingNow) {
  const Result<DiagnoseRequest> request = parsed({});
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->service);
  EXPECT_FALSE(request->time_ms);
  EXPECT_EQ(request->window_ms, 0);
}

TEST(DiagnoseRequest, TakesAllParameters) {
  const Result<DiagnoseRequest> request =
      parsed({{"namespace", "shop"}, {"service", "api"}, {"time", "1699999000"}, {"window", "15m"}});
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->name_space, "shop");
  EXPECT_EQ(request->service, "api");
  EXPECT_EQ(request->time_ms, 1'699'999'000'000);
  EXPECT_EQ(request->window_ms, 900'000);
}

TEST(DiagnoseRequest, AnEmptyNamespaceIsANamespace) {
  EXPECT_EQ(parsed({{"namespace", ""}, {"service", "api"}})->name_space, "");
}

TEST(DiagnoseRequest, MistakesAreNamedWithTheRemedy) {
  EXPECT_THAT(complaint({{"time", "yesterday"}}), HasSubstr("time=yesterday: use Unix seconds"));
  EXPECT_THAT(complaint({{"time", "1800000000"}}), HasSubstr("is in the future; it is 2023-11-14T22:13:20"));
  EXPECT_THAT(complaint({{"window", "fortnight"}}), HasSubstr("window=fortnight: use 10s to 7d"));
  EXPECT_THAT(complaint({{"window", "1s"}}), HasSubstr("window=1s"));
  EXPECT_THAT(complaint({{"window", "8d"}}), HasSubstr("window=8d"));
  EXPECT_THAT(complaint({{"format", "xml"}}), HasSubstr("format=xml: use json or html"));
  EXPECT_THAT(complaint({{"servcie", "api"}}), HasSubstr("servcie=api: unknown parameter; use namespace"));
}

TEST(DiagnoseRequest, ABrowserGetsAPageAndCurlGetsJson) {
  EXPECT_TRUE(prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
  EXPECT_FALSE(prefers_html("*/*"));
  EXPECT_FALSE(prefers_html(""));
  EXPECT_FALSE(prefers_html("application/json, text/html;q=0.5"));
  EXPECT_TRUE(prefers_html("application/json;q=0.2, text/html;q=0.5"));
  EXPECT_FALSE(prefers_html("text/html;q=0"));
  EXPECT_TRUE(parsed({{"format", "html"}}, "*/*")->html);
  EXPECT_FALSE(parsed({{"format", "json"}}, "text/html")->html);
}

}  // namespace
}  // namespace sonde::analyzer
