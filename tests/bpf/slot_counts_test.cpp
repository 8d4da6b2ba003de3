#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/syscalls.h"
#include "bpf/syscalls.skel.h"
#include "exporter/bpf_program.h"
#include "exporter/bpf_settings.h"
#include "tests/bpf/support/test_cgroup.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

void call_getppid(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) ::syscall(SYS_getppid);
}

/// The programs of the syscalls topic, exact, and its maps as the exporter reads them.
class SlotCounts : public testing::Test {
 protected:
  void start(uint32_t room) {
    context_.emplace(exporter::BpfOptions{.max_cgroups = room}, capabilities_);
    auto object = exporter::BpfObject::load(
        *context_, {.topic = "syscalls",
                    .open = exporter::open_skeleton<syscalls_bpf>([this](syscalls_bpf& skeleton) {
                      skeleton.rodata->settings = exporter::settings_of(*context_);
                    }),
                    .not_wanted = {"uring_complete"}});
    ASSERT_TRUE(object) << object.error().message;
    object_ = std::move(*object);
    ASSERT_TRUE(object_->attach());
    counts_.emplace(object_->counts(sizeof(syscall_counts)));
  }

  [[nodiscard]] exporter::MapKey key_of(const TestCgroup& cgroup) const {
    const auto hierarchy = context_->task_hierarchy();
    return {.id = cgroup.ids()[static_cast<size_t>(hierarchy)],
            .hierarchy = static_cast<uint32_t>(hierarchy)};
  }

  /// System calls that a cgroup's entry holds; nothing where it has none.
  std::optional<uint64_t> calls_of(const TestCgroup& cgroup) {
    exporter::MapReading reading;
    EXPECT_TRUE(counts_->read(reading));
    for (size_t i = 0; i < reading.keys.size(); ++i) {
      if (reading.keys[i] == key_of(cgroup)) return reading.counts_of(i)[0];
    }
    return std::nullopt;
  }

  exporter::SlotCounts::Taken take(const TestCgroup& cgroup) {
    const exporter::MapKey key = key_of(cgroup);
    return counts_->take({&key, 1}).at(0);
  }

  exporter::CapabilityTable capabilities_;
  std::optional<exporter::BpfContext> context_;
  std::unique_ptr<exporter::BpfObject> object_;
  std::optional<exporter::SlotCounts> counts_;
};

TEST_F(SlotCounts, AKeyThatWasTakenStartsAnewAndItsOldSlotCountsNothingAnyMore) {
  start(4096);
  const TestCgroup cgroup("target");
  Worker worker(cgroup, call_getppid, 0);
  const uint64_t first = calls_of(cgroup).value_or(0);
  worker.run(23);
  EXPECT_EQ(calls_of(cgroup), first + 23 + Worker::kOwnCalls);
  EXPECT_EQ(take(cgroup).value()[0], first + 23 + Worker::kOwnCalls);
  EXPECT_EQ(calls_of(cgroup), std::nullopt);
  EXPECT_TRUE(take(cgroup).value().empty());
  // The CPU had the old slot in its cache.
  worker.run(42);
  EXPECT_EQ(calls_of(cgroup), 42 + Worker::kOwnCalls);
}

TEST_F(SlotCounts, SlotsOfTakenKeysServeOthersAgainFromZero) {
  constexpr uint32_t kRoom = 64;
  start(kRoom);
  // Many times more cgroups than there is room for, one after the other.
  for (uint32_t i = 0; i < 3 * kRoom; ++i) {
    const TestCgroup cgroup("passing");
    Worker worker(cgroup, call_getppid);
    worker.run(1);
    const std::optional<uint64_t> before = calls_of(cgroup);
    ASSERT_TRUE(before) << "cgroup number " << i << " found no room";
    EXPECT_LT(*before, 1000U) << "cgroup number " << i << " has another's counts";
    worker.run(23);
    EXPECT_EQ(calls_of(cgroup), *before + 23 + Worker::kOwnCalls);
    EXPECT_EQ(take(cgroup).value()[0], *before + 23 + Worker::kOwnCalls);
    // So that a slot that was not emptied would show.
    worker.run(2000);
    EXPECT_TRUE(take(cgroup));
  }
}

TEST_F(SlotCounts, MoreKeysThanOneBatchHoldsAreAllReadAndTakenAndTheirSlotsEmptied) {
  constexpr uint64_t kCgroups = 300;
  start(4096);
  std::vector<std::unique_ptr<TestCgroup>> cgroups;
  for (uint64_t i = 0; i < kCgroups; ++i) {
    cgroups.push_back(std::make_unique<TestCgroup>("many-" + std::to_string(i)));
    // More than the noise of a worker's start and end.
    Worker worker(*cgroups.back(), call_getppid);
    worker.run(50 * i);
  }
  exporter::MapReading reading;
  ASSERT_TRUE(counts_->read(reading));
  std::unordered_map<exporter::MapKey, uint64_t> calls;
  for (size_t i = 0; i < reading.keys.size(); ++i) calls[reading.keys[i]] = reading.counts_of(i)[0];
  for (uint64_t i = 0; i < kCgroups; ++i) {
    EXPECT_GE(calls[key_of(*cgroups[i])], 50 * i) << i;
    EXPECT_LT(calls[key_of(*cgroups[i])], 50 * i + 50) << i;
  }

  // In another order than that of their slots.
  std::vector<exporter::MapKey> keys;
  for (uint64_t i = kCgroups; i-- > 0;) keys.push_back(key_of(*cgroups[i]));
  const std::vector<exporter::SlotCounts::Taken> taken = counts_->take(keys);
  ASSERT_EQ(taken.size(), kCgroups);
  for (uint64_t i = 0; i < kCgroups; ++i) {
    ASSERT_TRUE(taken[i] && !taken[i]->empty()) << i;
    EXPECT_EQ((*taken[i])[0], calls[keys[i]]) << i;
  }
  ASSERT_TRUE(counts_->read(reading));  // slots that were given back are used before new ones
  for (uint64_t i = 0; i < kCgroups; ++i) {
    Worker worker(*cgroups[i], call_getppid);
    worker.run(1);
  }
  ASSERT_TRUE(counts_->read(reading));
  std::unordered_map<exporter::MapKey, uint64_t> anew;
  for (size_t i = 0; i < reading.keys.size(); ++i) anew[reading.keys[i]] = reading.counts_of(i)[0];
  for (const exporter::MapKey& key : keys) {
    EXPECT_GT(anew[key], 0U) << "no slot came back for it";
    EXPECT_LT(anew[key], 50U) << "its slot was not emptied";
  }
}

}  // namespace
}  // namespace sonde::test
