#include "exporter/bpf_cgroup_events.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <optional>

#include "tests/bpf/support/test_cgroup.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

using exporter::CgroupEvent;

struct Seen {
  CgroupEvent::Kind kind;
  uint32_t hierarchy_root;
  uint64_t cgroup_id;
  std::string path;
};

class CgroupEventsTest : public testing::Test {
 protected:
  CgroupEventsTest() : context_({}, capabilities_), events_(*make_bpf_cgroup_events(context_)) {}

  /// Events of the tests' own cgroups so far.
  std::vector<Seen>& drain() {
    const auto handled = events_->poll([this](const CgroupEvent& event) {
      if (!event.path.starts_with("/sonde-test-")) return;
      seen_.push_back({event.kind, event.hierarchy_root, event.cgroup_id, std::string(event.path)});
    });
    EXPECT_TRUE(handled);
    return seen_;
  }

  std::optional<Seen> find(CgroupEvent::Kind kind, uint32_t hierarchy_root, uint64_t id) {
    for (const Seen& seen : drain()) {
      if (seen.kind == kind && seen.hierarchy_root == hierarchy_root && seen.cgroup_id == id) return seen;
    }
    return std::nullopt;
  }

  exporter::CapabilityTable capabilities_;
  exporter::BpfContext context_;
  std::unique_ptr<exporter::BpfCgroupEvents> events_;
  std::vector<Seen> seen_;
};

TEST_F(CgroupEventsTest, EveryHierarchyAnnouncesACgroupMadeAndRemoved) {
  std::optional<TestCgroup> cgroup(std::in_place, "announced");
  const identity::CgroupIds ids = cgroup->ids();
  const std::string path = cgroup->path();
  for (const bool removed : {false, true}) {
    if (removed) cgroup.reset();
    const auto kind = removed ? CgroupEvent::Kind::kRemoved : CgroupEvent::Kind::kCreated;
    for (const identity::CgroupMount& mount : mounts().mounts()) {
      const uint64_t id = ids[static_cast<size_t>(mount.hierarchies.front())];
      const auto seen = find(kind, mount.kernel_number.value_or(0), id);
      ASSERT_TRUE(seen) << mount.directory;
      EXPECT_EQ(seen->path, path);
    }
  }
}

TEST_F(CgroupEventsTest, EveryHierarchyAnnouncesTheFirstProcessOfACgroupButNotOfThoseAboveIt) {
  EXPECT_TRUE(events_->tells_populated());
  const TestCgroup outer("announced");
  const TestCgroup inner("announced/inner");
  const Worker worker(inner, [](uint64_t) {});
  for (const identity::CgroupMount& mount : mounts().mounts()) {
    const auto id_of = [&](const TestCgroup& cgroup) {
      return cgroup.ids()[static_cast<size_t>(mount.hierarchies.front())];
    };
    const uint32_t root = mount.kernel_number.value_or(0);
    const auto seen = find(CgroupEvent::Kind::kPopulated, root, id_of(inner));
    ASSERT_TRUE(seen) << mount.directory;
    EXPECT_EQ(seen->path, inner.path());
    EXPECT_FALSE(find(CgroupEvent::Kind::kPopulated, root, id_of(outer))) << mount.directory;
  }
}

TEST_F(CgroupEventsTest, TheDescriptorIsReadableWhileEventsWait) {
  drain();
  pollfd waiting{.fd = events_->descriptor(), .events = POLLIN, .revents = 0};
  const TestCgroup cgroup("announced");
  EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
}

TEST_F(CgroupEventsTest, TheBufferHoldsTheEventsOfHundredsOfCgroupsThatComeAndGo) {
  drain();
  const uint64_t lost = events_->lost();
  constexpr int kCgroups = 60;
  for (int i = 0; i < kCgroups; ++i) const TestCgroup cgroup("announced");
  EXPECT_GE(drain().size(), 2 * kCgroups * mounts().mounts().size());
  EXPECT_EQ(events_->lost(), lost);
}

TEST_F(CgroupEventsTest, APathIsWholeWhereItIsLongAndClippedAt511Bytes) {
  for (const size_t length : {200, 254, 255, 256, 300, 600}) {
    const std::string name = std::string(length / 3, 'a') + "/" + std::string(length / 3, 'b') + "/" +
                             std::string(length / 3, 'c');
    const TestCgroup outer(name.substr(0, length / 3));
    const TestCgroup middle(name.substr(0, 2 * (length / 3) + 1));
    const TestCgroup inner(name);
    const identity::CgroupMount& mount = mounts().mounts().front();
    const auto seen = find(CgroupEvent::Kind::kCreated, mount.kernel_number.value_or(0),
                           inner.ids()[static_cast<size_t>(mount.hierarchies.front())]);
    ASSERT_TRUE(seen) << length;
    EXPECT_EQ(seen->path, inner.path().substr(0, 511)) << length;
  }
}

TEST_F(CgroupEventsTest, EventsThatFindTheBufferFullAreCounted) {
  drain();
  seen_.clear();
  constexpr int kCgroups = 1000;
  // A long name, so that one hierarchy alone fills the buffer.
  const std::string name = "announced" + std::string(230, 'x');
  for (int i = 0; i < kCgroups; ++i) const TestCgroup cgroup(name);
  // The test's own: mkdir and rmdir in every hierarchy; other cgroups of the machine come on top.
  const size_t made = 2 * kCgroups * mounts().mounts().size();
  size_t announced = 0;
  for (const Seen& seen : drain()) {
    announced += seen.path.ends_with("/" + name) ? 1 : 0;
  }
  EXPECT_LT(announced, made);
  EXPECT_GE(announced + events_->lost(), made);
}

}  // namespace
}  // namespace sonde::test
