#include "inject/workload/request_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sonde::inject {
namespace {

using testing::HasSubstr;

TEST(RequestTarget, ReadsHostPortAndPath) {
  std::minstd_rand random(1);
  const auto target = RequestTarget::parse("http://10.0.0.2:8080/item?id=7");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->host(), "10.0.0.2");
  EXPECT_EQ(target->port(), 8080);
  EXPECT_EQ(target->next_path(random), "/item?id=7");
}

TEST(RequestTarget, HasDefaults) {
  std::minstd_rand random(1);
  const auto target = RequestTarget::parse("http://[fd00::2]");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->host(), "fd00::2");
  EXPECT_EQ(target->port(), 80);
  EXPECT_EQ(target->next_path(random), "/");
  EXPECT_EQ(RequestTarget::parse("http://[fd00::2]:81/x")->port(), 81);
}

TEST(RequestTarget, DrawsEachNumberOfItsRange) {
  std::minstd_rand random(1);
  const auto target = RequestTarget::parse("http://shop/item?id={8-11}&x=1");
  ASSERT_TRUE(target) << target.error().message;
  std::set<std::string> paths;
  for (int i = 0; i < 200; ++i) paths.insert(target->next_path(random));
  EXPECT_THAT(paths,
              testing::ElementsAre("/item?id=10&x=1", "/item?id=11&x=1", "/item?id=8&x=1", "/item?id=9&x=1"));
}

TEST(RequestTarget, RefusesWhatItCannotAsk) {
  for (const char* url :
       {"", "https://shop/", "shop:80", "http://", "http://:80/", "http://shop:0/", "http://shop:70000/",
        "http://shop:x/", "http://user:word@shop/", "http://shop/{1-}", "http://shop/{5-1}",
        "http://shop/{1-2", "http://shop/{1-2}{3-4}", "http://shop/{a-b}"}) {
    EXPECT_FALSE(RequestTarget::parse(url)) << url;
  }
  EXPECT_THAT(RequestTarget::parse("http://a/{5-1}").error().message, HasSubstr("{1-500}"));
}

}  // namespace
}  // namespace sonde::inject
