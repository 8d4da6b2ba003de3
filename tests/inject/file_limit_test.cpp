#include "inject/faults/file_limit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sonde::inject {
namespace {

/// A child that has 0 to 2, 5 and 7 open and sleeps.
class SparseFiles : public testing::Test {
 protected:
  void SetUp() override {
    pid_ = fork();
    if (pid_ != 0) return;
    close_range(3, ~0U, 0);
    for (const int file : {0, 1, 2, 5, 7}) dup2(open("/dev/null", O_RDONLY), file);
    for (const int file : {3, 4, 6}) close(file);
    close_range(8, ~0U, 0);
    raise(SIGSTOP);  // ready
    for (;;) pause();
  }
  void TearDown() override {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void wait_until_ready() const { ASSERT_EQ(waitpid(pid_, nullptr, WUNTRACED), pid_); }

  pid_t pid_ = 0;
};

TEST_F(SparseFiles, AreCountedByFreeNumbers) {
  wait_until_ready();
  EXPECT_EQ(free_descriptors(pid_, 3).value(), 0U);
  EXPECT_EQ(free_descriptors(pid_, 5).value(), 2U);
  EXPECT_EQ(free_descriptors(pid_, 100).value(), 95U);
  EXPECT_EQ(limit_that_leaves(pid_, 0).value(), 3U);
  EXPECT_EQ(limit_that_leaves(pid_, 1).value(), 4U);
  EXPECT_EQ(limit_that_leaves(pid_, 2).value(), 6U);
  EXPECT_EQ(limit_that_leaves(pid_, 3).value(), 8U);
}

TEST_F(SparseFiles, HaveALimitThatIsSetAndReadBack) {
  wait_until_ready();
  const auto process = identify(pid_).value();
  ASSERT_TRUE(set_soft_file_limit(process, 17));
  EXPECT_EQ(soft_file_limit(pid_).value(), 17U);
  ASSERT_TRUE(set_soft_file_limit(process, ~0ULL));  // as much as the hard limit allows
  EXPECT_GT(soft_file_limit(pid_).value(), 17U);
  const auto other = set_soft_file_limit({process.pid, process.start_ticks + 1}, 5);
  ASSERT_FALSE(other);  // a reused pid
  EXPECT_EQ(other.error().code, ErrorCode::kNotFound);
}

TEST(FileLimit, ReadsBackAsWritten) {
  const FileLimit limit{{4711, 123456}, 20000, 17};
  EXPECT_EQ(parse_file_limit(4711, file_limit_text(limit)).value(), limit);
  for (const char* text : {"", "1", "1 2", "1 2 x", "1 2 3 4"})
    EXPECT_FALSE(parse_file_limit(4711, text)) << text;
  EXPECT_FALSE(parse_file_limit(0, "1 2 3"));
}

}  // namespace
}  // namespace sonde::inject
