#include "identity/network_namespace.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/identity/scratch_directory.h"

namespace sonde::identity {
namespace {

TEST(FirstProcess, SkipsProcessesOfOtherNamespacesAndGarbage) {
  EXPECT_EQ(first_process("17\n4\n"), 17);
  EXPECT_EQ(first_process("0\n0\n23\n"), 23);
  EXPECT_EQ(first_process(""), std::nullopt);
  EXPECT_EQ(first_process("0\n"), std::nullopt);
  EXPECT_EQ(first_process("x\n-5\n99999999999\n8"), 8);
}

TEST(NetworkNamespace, OfThisProcessIsTheInodeOfItsLink) {
  struct stat status{};
  ASSERT_EQ(stat("/proc/self/ns/net", &status), 0);
  EXPECT_EQ(network_namespace_of("/proc", "self"), status.st_ino);
}

TEST(NetworkNamespace, IsNothingForAMissingProcessOrAStrangeLink) {
  const test::ScratchDirectory scratch;
  EXPECT_EQ(network_namespace_of(scratch.path(), "12"), std::nullopt);
  scratch.make_directory("12/ns");
  std::filesystem::create_symlink("mnt:[7]", scratch.path() + "/12/ns/net");
  EXPECT_EQ(network_namespace_of(scratch.path(), "12"), std::nullopt);
}

TEST(NetworkNamespace, OfTheHostIsThatOfTheFirstProcess) {
  const test::ScratchDirectory scratch;
  scratch.make_directory("1/ns");
  std::filesystem::create_symlink("net:[4026531840]", scratch.path() + "/1/ns/net");
  EXPECT_EQ(host_network_namespace(scratch.path()), 4026531840U);
}

}  // namespace
}  // namespace sonde::identity
