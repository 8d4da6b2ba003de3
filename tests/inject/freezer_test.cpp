#include "inject/freezer.h"

#include <gtest/gtest.h>

#include "tests/identity/scratch_directory.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;
using identity::MountEntry;

/// A folder that looks like a host's cgroup mounts.
class FreezerOfACgroup : public testing::TestWithParam<bool> {
 protected:
  FreezerOfACgroup() { make_cgroup(); }

  [[nodiscard]] static bool unified() { return GetParam(); }
  [[nodiscard]] static std::string name() { return unified() ? "cgroup.freeze" : "freezer.state"; }
  [[nodiscard]] fs::path cgroup() const { return fs::path(root_.path()) / "shop/api"; }
  void make_cgroup() const {
    root_.write("shop/api/cgroup.procs", "");
    root_.write("shop/api/cpu.stat", "usage_usec 1\n");
    root_.write("shop/api/cpuacct.usage", "1\n");
    root_.write("shop/api/" + name(), unified() ? "0\n" : "THAWED\n");
    root_.write("shop/api/cgroup.events", "populated 1\nfrozen 0\n");
  }
  /// Another one at its path.
  void make_anew() const {
    fs::rename(cgroup(), fs::path(root_.path()) / "old");  // kept: its inode is not used again
    make_cgroup();
  }
  [[nodiscard]] std::vector<MountEntry> mounts() const {
    return {{"/", root_.path(), unified() ? "cgroup2" : "cgroup", unified() ? "rw" : "rw,cpuacct,freezer"}};
  }
  [[nodiscard]] Freezer find() const {
    return Freezer::find(CgroupTarget::find("/shop/api", mounts()).value()).value();
  }
  /// The first word of its switch.
  [[nodiscard]] std::string word() const {
    std::ifstream file(cgroup() / name());
    std::string text;
    file >> text;
    return text;
  }
  [[nodiscard]] ErrorCode error_of(const std::string& mark, const std::vector<MountEntry>& mounts) const {
    const auto again = Freezer::find_again("/shop/api", mark, mounts);
    EXPECT_FALSE(again);
    return again ? ErrorCode::kLimit : again.error().code;
  }

  test::ScratchDirectory root_;
};

TEST_P(FreezerOfACgroup, IsReadAndSet) {
  const Freezer freezer = find();
  EXPECT_FALSE(freezer.is_asked_for().value());
  ASSERT_TRUE(freezer.set_frozen(true));
  EXPECT_TRUE(word().starts_with(unified() ? "1" : "FROZEN"));
  EXPECT_TRUE(freezer.is_asked_for().value());
}

TEST_P(FreezerOfACgroup, IsFoundAgainByItsMark) {
  const auto again = Freezer::find_again("/shop/api", find().mark(), mounts());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->set_frozen(true));
  EXPECT_TRUE(find().is_asked_for().value());
}

TEST_P(FreezerOfACgroup, IsGoneWithItsCgroupThoughAnotherHasItsPath) {
  const Freezer freezer = find();
  const std::string mark = freezer.mark();
  make_anew();
  EXPECT_EQ(error_of(mark, mounts()), ErrorCode::kNotFound);
  ASSERT_TRUE(freezer.set_frozen(true));  // the old one
  EXPECT_TRUE(word().starts_with(unified() ? "0" : "THAWED"));
  fs::remove_all(cgroup());
  EXPECT_EQ(error_of(mark, mounts()), ErrorCode::kNotFound);
}

TEST_P(FreezerOfACgroup, IsNotTakenForGoneWhereItCannotBeSeen) {
  const std::string mark = find().mark();
  EXPECT_EQ(error_of(mark, {}), ErrorCode::kUnavailable);
  EXPECT_EQ(error_of("memory 5", mounts()), ErrorCode::kUnavailable);
  EXPECT_EQ(error_of("yes", mounts()), ErrorCode::kInvalid);
  std::vector<MountEntry> part = mounts();
  part[0].root = "/kubepods";
  EXPECT_EQ(error_of(mark, part), ErrorCode::kUnavailable);
}

INSTANTIATE_TEST_SUITE_P(Versions, FreezerOfACgroup, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "v2" : "v1"; });

}  // namespace
}  // namespace sonde::inject
