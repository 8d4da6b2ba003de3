#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "tests/bpf/support/compat_calls.h"
#include "tests/bpf/workloads.h"

namespace sonde::test {
namespace {

/// What the kernel side counts for: the hierarchy it chooses by itself, or v2's.
struct Case {
  Workload workload;
  std::optional<identity::Hierarchy> hierarchy;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Workload& workload : workloads()) {
    all.push_back({workload, std::nullopt});
    if (workload.on_v2_too) all.push_back({workload, identity::Hierarchy::kUnified});
  }
  return all;
}

/// Two containers, a worker in one, busy neighbours in the other, and the collector that counts both.
struct Scene {
  explicit Scene(const Case& chosen)
      : probe(chosen.workload.collector, {.task_hierarchy = chosen.hierarchy}),
        target(target_cgroup, chosen.workload.task),
        neighbours(neighbour_cgroup, chosen.workload.task),
        table(table_of({&target_cgroup, &neighbour_cgroup})) {
    // They keep both CPUs busy, but a target that blocks (fork, exec, threads) must not wait for their
    // slices.
    neighbour_cgroup.yield_to_others();
    // The first run makes what later ones find: pages of the stack, a ring, a thread's stack.
    target.run(kFew);
    neighbours.start();
    neighbours.stop();
  }

  static constexpr uint64_t kFew = 23;
  TestCgroup target_cgroup{"target"};
  TestCgroup neighbour_cgroup{"neighbour"};
  Probe probe;
  Worker target;
  Neighbours neighbours;
  exporter::ContainerTable table;
};

void PrintTo(const Case& chosen, std::ostream* stream) {
  *stream << chosen.workload.name;
}

class Exactness : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (workload().compat && !takes_compat_calls()) {
      GTEST_SKIP() << "this kernel has 32-bit system calls switched off (ia32_emulation=off)";
    }
    scene_ = std::make_unique<Scene>(GetParam());
  }

  static const Workload& workload() { return GetParam().workload; }

  static double growth(const Exposition& before, const Exposition& after, const Expectation& expectation,
                       std::string_view container) {
    return row_value(after, expectation.metric, container, expectation.labels) -
           row_value(before, expectation.metric, container, expectation.labels);
  }

  void expect_exact(uint64_t repetitions) {
    const Exposition before = scene_->probe.scrape(scene_->table);
    scene_->neighbours.start();
    scene_->target.run(repetitions);
    const uint64_t neighbours_repetitions = scene_->neighbours.stop();
    const Exposition after = scene_->probe.scrape(scene_->table);

    for (const Expectation& expectation : workload().expectations) {
      SCOPED_TRACE(expectation.metric + " " + testing::PrintToString(expectation.labels));
      EXPECT_EQ(growth(before, after, expectation, "target"),
                static_cast<double>(repetitions * expectation.each + expectation.own_events));
      EXPECT_EQ(growth(before, after, expectation, "neighbour"),
                static_cast<double>(neighbours_repetitions * expectation.each +
                                    scene_->neighbours.size() * expectation.own_events));
    }
  }

  std::unique_ptr<Scene> scene_;
};

TEST_P(Exactness, TwentyThreeEventsBesideABusyNeighbour) {
  expect_exact(Scene::kFew);
}

TEST_P(Exactness, ManyEventsBesideABusyNeighbour) {
  expect_exact(workload().many);
}

INSTANTIATE_TEST_SUITE_P(Every, Exactness, testing::ValuesIn(cases()), [](const auto& instance) {
  return instance.param.workload.name + (instance.param.hierarchy ? "OnV2" : "OnTheHostsHierarchy");
});

}  // namespace
}  // namespace sonde::test
