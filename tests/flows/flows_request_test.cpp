#include "exporter/flows/flows_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

using testing::HasSubstr;

Result<FlowsRequest> parse(std::multimap<std::string, std::string> parameters) {
  http::Request request;
  request.parameters = std::move(parameters);
  return parse_flows_request(request);
}

TEST(FlowsRequest, WithoutParametersIsForTheHundredWithMostBytes) {
  const auto request = parse({});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->order, FlowOrder::kBytes);
  EXPECT_EQ(request->limit, 100U);
  EXPECT_FALSE(request->pod || request->container || request->service || request->name_space);
}

TEST(FlowsRequest, TakesItsParameters) {
  const auto request = parse({{"pod", "p"},
                              {"container", "c"},
                              {"service", ""},
                              {"namespace", "n"},
                              {"sort", "rtt"},
                              {"limit", "1000"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->pod, "p");
  EXPECT_EQ(request->container, "c");
  EXPECT_EQ(request->service, "");
  EXPECT_EQ(request->name_space, "n");
  EXPECT_EQ(request->order, FlowOrder::kRtt);
  EXPECT_EQ(request->limit, 1000U);
  EXPECT_EQ(parse({{"sort", "retransmits"}})->order, FlowOrder::kRetransmits);
  EXPECT_EQ(parse({{"sort", "age"}})->order, FlowOrder::kAge);
  EXPECT_TRUE(parse({{"slow", "1"}})->slow);
  EXPECT_FALSE(parse({})->slow);
}

TEST(FlowsRequest, WhatIsWrongIsSaidWithParameterValueAndRemedy) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"limit", "0", "1 to 1000"},     {"limit", "1001", "1 to 1000"},
      {"limit", "-1", "1 to 1000"},    {"limit", "10x", "1 to 1000"},
      {"limit", "", "1 to 1000"},      {"limit", "99999999999999999999", "1 to 1000"},
      {"slow", "yes", "give 1"},       {"sort", "RTT", "rtt"},
      {"sort", "", "bytes, rtt"},      {"pods", "x", "there are: namespace, pod"},
      {"", "", "there are: namespace"}};
  for (const auto& [name, value, why] : cases) {
    const auto request = parse({{name, value}});
    ASSERT_FALSE(request) << name << '=' << value;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(request.error().message, HasSubstr(std::string(name) + "=" + value + ": "));
    EXPECT_THAT(request.error().message, HasSubstr(why));
  }
  EXPECT_THAT(parse({{"pod", "a"}, {"pod", "b"}}).error().message, HasSubstr("give it once"));
  EXPECT_LT(parse({{"sort", std::string(100'000, 'x')}}).error().message.size(), 300U);
}

}  // namespace
}  // namespace sonde::exporter
