#include "inject/target_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace sonde::inject {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

NamedContainer container(const std::string& space, const std::string& pod, const std::string& name,
                         const std::string& service, bool populated = true) {
  return {"/" + space + "/" + pod + "-" + name, {space, pod, name, service}, populated};
}

std::vector<NamedContainer> shop() {
  return {container("shop", "api-1", "api", "api"),       container("shop", "api-2", "api", "api"),
          container("shop", "api-2", "proxy", "api"),     container("shop", "redis-0", "redis", "redis"),
          container("test", "redis-0", "redis", "redis"), container("old", "nginx", "nginx", "nginx", false)};
}

std::string path_of(const TargetFlags& flags) {
  const auto found = flags.choose(shop());
  return found ? found->path : found.error().message;
}

TEST(TargetFlags, ChooseTheOneThatHasAllOfTheNames) {
  TargetFlags flags;
  flags.pod = "api-1";
  EXPECT_EQ(path_of(flags), "/shop/api-1-api");
  flags = {};
  flags.pod = "api-2";
  flags.container = "proxy";
  EXPECT_EQ(path_of(flags), "/shop/api-2-proxy");
  flags = {};
  flags.service = "redis";
  flags.name_space = "test";
  EXPECT_EQ(path_of(flags), "/test/redis-0-redis");
}

TEST(TargetFlags, ListTheManyThatMatchAndTakeOneByItsNumber) {
  TargetFlags flags;
  flags.service = "api";
  EXPECT_THAT(path_of(flags),
              AllOf(HasSubstr("--service=api: 3 containers match"), HasSubstr("--replica=1 to 3"),
                    HasSubstr("shop/api-1/api (/shop/api-1-api)"), HasSubstr("shop/api-2/proxy")));
  flags.replica = "2";
  EXPECT_EQ(path_of(flags), "/shop/api-2-api");
  for (const char* wrong : {"0", "4", "x", "-1", "1x"}) {
    flags.replica = wrong;
    EXPECT_THAT(path_of(flags), HasSubstr("choose one by --replica")) << wrong;
  }
}

TEST(TargetFlags, SayWhatMayHaveBeenMeant) {
  TargetFlags flags;
  flags.container = "redsi";
  EXPECT_THAT(path_of(flags), AllOf(HasSubstr("--container=redsi: no container matches"),
                                    HasSubstr("--container=redis"), Not(HasSubstr("nginx"))));
  flags.container = "something-else-entirely";
  EXPECT_THAT(path_of(flags), HasSubstr("none of the 6"));
}

TEST(TargetFlags, PreferContainersWithProcesses) {
  TargetFlags flags;
  flags.container = "nginx";
  EXPECT_EQ(path_of(flags), "/old/nginx-nginx");
  auto containers = shop();
  containers.push_back(container("new", "nginx", "nginx", "nginx"));
  EXPECT_EQ(flags.choose(containers)->path, "/new/nginx-nginx");
}

TEST(TargetFlags, NameTheContainerOneWay) {
  TargetFlags flags;
  EXPECT_FALSE(flags.check());
  flags.name_space = "shop";
  EXPECT_FALSE(flags.check());
  flags.service = "api";
  EXPECT_TRUE(flags.check());
  flags.cgroup = "/shop/api-1";
  EXPECT_FALSE(flags.check());
  flags = {};
  flags.cgroup = "/shop/api-1";
  EXPECT_TRUE(flags.check());
}

}  // namespace
}  // namespace sonde::inject
