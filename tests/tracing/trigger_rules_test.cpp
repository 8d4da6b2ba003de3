#include "exporter/flows/tracing/trigger_rules.h"

#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

TEST(TriggerRules, AServicesOwnRuleGoesBeforeThatOfAll) {
  TriggerRules rules;
  ASSERT_TRUE(add_absolute_rule("api=60ms", rules));
  ASSERT_TRUE(add_relative_rule("api=2.5", rules));
  ASSERT_TRUE(add_absolute_rule("*=1s", rules));
  ASSERT_TRUE(add_relative_rule("a=b=3", rules));
  EXPECT_EQ(threshold_of(rules, "api").absolute_ns, 60'000'000U);
  EXPECT_EQ(threshold_of(rules, "api").relative_percent, 250U);
  EXPECT_GT(threshold_of(rules, "api").floor_ns, 0U);
  EXPECT_GT(threshold_of(rules, "api").min_samples, 1U);
  EXPECT_EQ(threshold_of(rules, "db").absolute_ns, 1'000'000'000U);
  EXPECT_EQ(threshold_of(rules, "db").relative_percent, 0U);
  EXPECT_EQ(threshold_of(rules, "a=b").relative_percent, 300U) << "a service's name may hold anything";
  EXPECT_EQ(threshold_of({}, "api").absolute_ns, 0U);
}

TEST(TriggerRules, WhatIsWrongIsRefusedWithTheRemedy) {
  TriggerRules rules;
  for (const char* const text : {"", "api", "=20ms", "api=", "api=20", "api=0", "api=-1s", "api=fast"}) {
    const auto added = add_absolute_rule(text, rules);
    ASSERT_FALSE(added) << text;
    EXPECT_NE(added.error().message.find("give SERVICE=DURATION"), std::string::npos);
  }
  for (const char* const text :
       {"", "api", "=3", "api=", "api=1", "api=0.5", "api=x", "api=3x", "api=1001", "api=nan", "api=inf"}) {
    EXPECT_FALSE(add_relative_rule(text, rules)) << text;
  }
  EXPECT_TRUE(rules.empty());
}

}  // namespace
}  // namespace sonde::exporter
