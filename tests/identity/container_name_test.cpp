#include "identity/container_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sonde::identity {
namespace {

struct NameCase {
  std::string path;
  ContainerName name;
};

/// Each row: the path of a plain cgroup and the four labels it must get.
const std::vector<NameCase> kNames{
    {"/shop/api-2", {"shop", "api-2", "api-2", "api"}},
    {"/shop/api", {"shop", "api", "api", "api"}},
    {"/api-2", {"", "api-2", "api-2", "api"}},
    {"/a/b/c-10", {"a/b", "c-10", "c-10", "c"}},
    {"/shop/api-1-2", {"shop", "api-1-2", "api-1-2", "api-1"}},
    {"/shop/api-2x", {"shop", "api-2x", "api-2x", "api-2x"}},
    {"/shop/api2", {"shop", "api2", "api2", "api2"}},
    {"/shop/api-", {"shop", "api-", "api-", "api-"}},
    {"/shop/-3", {"shop", "-3", "-3", "-3"}},
    {"/shop/3", {"shop", "3", "3", "3"}},
    {"/shop/x-000", {"shop", "x-000", "x-000", "x"}},
    {"/system.slice/ssh.service", {"system.slice", "ssh.service", "ssh.service", "ssh.service"}},
    {"/shop/two words-1", {"shop", "two words-1", "two words-1", "two words"}},
    {"/shop/new\nline-1", {"shop", "new\nline-1", "new\nline-1", "new\nline"}},
    {"/shop/\xff\"-1", {"shop", "\xff\"-1", "\xff\"-1", "\xff\""}},
    {"/", {"", "", "", ""}},
    {"", {"", "", "", ""}},
};

TEST(ContainerName, OfAPlainCgroupIsItsPath) {
  for (const NameCase& expected : kNames) {
    const ContainerName name = name_from_cgroup_path(expected.path);
    EXPECT_EQ(name, expected.name) << expected.path << " became " << name.name_space << " | " << name.pod
                                   << " | " << name.container << " | " << name.service;
  }
}

TEST(ContainerName, KeepsCgroupsOfOneNameInTwoParentsApart) {
  EXPECT_NE(name_from_cgroup_path("/a/api"), name_from_cgroup_path("/b/api"));
}

const std::string kUser = "/user.slice/user-1000.slice/user@1000.service";

/// Each row: the path of a unit of systemd and the namespace and service that it must get.
const std::vector<NameCase> kUnits{
    {"/init.scope", {"", "", "", "init.scope"}},
    {"/system.slice/kubelet.service", {"", "", "", "kubelet"}},
    {"/system.slice/system-getty.slice/getty@tty1.service", {"", "", "", "getty@tty1"}},
    {"/user.slice/user-1000.slice/session-7.scope", {"", "", "", "session.scope"}},
    {kUser, {"", "", "", "user@1000"}},
    {kUser + "/init.scope", {kUser.substr(1), "", "", "init.scope"}},
    {kUser + "/kubelet.service", {kUser.substr(1), "", "", "kubelet"}},
    {kUser + "/app.slice/run-u12.service", {kUser.substr(1) + "/app.slice", "", "", "run"}},
    {"/shop/kubelet.service", {"shop", "", "", "kubelet"}},
    {"/lxc.payload.web/system.slice/ssh.service", {"lxc.payload.web/system.slice", "", "", "ssh"}},
};

TEST(ContainerName, OfAUnitIsBareOnlyWhereSystemdItselfMadeIt) {
  for (const NameCase& expected : kUnits) {
    const auto name = name_of_systemd_unit(expected.path);
    ASSERT_TRUE(name) << expected.path;
    EXPECT_EQ(*name, expected.name) << expected.path << " became " << name->name_space << " | "
                                    << name->service;
  }
  for (const char* const other : {"/", "", "/shop/api", "/user.slice", "/.service"}) {
    EXPECT_FALSE(name_of_systemd_unit(other)) << other;
  }
}

}  // namespace
}  // namespace sonde::identity
