#include "inject/workload/workload_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sonde::inject {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> complaints(const WorkloadText& text) {
  std::vector<std::string> all;
  read_workload(text, [&](std::string_view member, const std::string& complaint) {
    all.push_back(std::string(member) + complaint);
  });
  return all;
}

WorkloadText good() {
  WorkloadText text;
  text.url = "http://shop/";
  return text;
}

TEST(WorkloadText, IsRead) {
  WorkloadText text = good();
  text.rate = 80;
  text.steps = "1s*2";
  text.workers = 3;
  EXPECT_THAT(complaints(text), IsEmpty());
  const WorkloadOptions options = read_workload(text, [](auto, const auto&) { FAIL(); });
  EXPECT_EQ(options.rate, 80);
  EXPECT_EQ(options.requests.workers, 3U);
  EXPECT_EQ(options.requests.target.host(), "shop");
  EXPECT_EQ(options.curve.factor_at(std::chrono::milliseconds(0)), 2);
}

TEST(WorkloadText, EachMemberIsChecked) {
  WorkloadText text = good();
  text.url = "ftp://shop";
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("url=ftp://shop: ")));
  text = good();
  text.rate = 0;
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("rate=0: ")));
  text = good();
  text.workers = 0;
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("workers=0: ")));
  text = good();
  text.steps = "x";
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("steps=x: ")));
  text = good();
  text.day = "soon";
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("day=soon: ")));
  text.day = "10m";
  text.swing = 1;
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("swing=1: ")));
  text.steps = "1s*1";
  EXPECT_THAT(complaints(text), ElementsAre(HasSubstr("steps or a day")));
}

}  // namespace
}  // namespace sonde::inject
