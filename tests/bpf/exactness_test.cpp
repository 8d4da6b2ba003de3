#include <gtest/gtest.h>

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

class Exactness : public testing::TestWithParam<Case> {
 protected:
  static constexpr uint64_t kFew = 23;

  Exactness()
      : probe_(workload().collector, {.task_hierarchy = GetParam().hierarchy}),
        target_(target_cgroup_, workload().task),
        neighbours_(neighbour_cgroup_, workload().task),
        table_(table_of({&target_cgroup_, &neighbour_cgroup_})) {
    // The first run makes what later ones find: pages of the stack, a ring, a thread's stack.
    target_.run(kFew);
    neighbours_.start();
    neighbours_.stop();
  }

  static const Workload& workload() { return GetParam().workload; }

  static double growth(const Exposition& before, const Exposition& after, const Expectation& expectation,
                       std::string_view container) {
    return row_value(after, expectation.metric, container, expectation.labels) -
           row_value(before, expectation.metric, container, expectation.labels);
  }

  void expect_exact(uint64_t repetitions) {
    const Exposition before = probe_.scrape(table_);
    neighbours_.start();
    target_.run(repetitions);
    const uint64_t neighbours_repetitions = neighbours_.stop();
    const Exposition after = probe_.scrape(table_);

    for (const Expectation& expectation : workload().expectations) {
      SCOPED_TRACE(expectation.metric + " " + testing::PrintToString(expectation.labels));
      EXPECT_EQ(growth(before, after, expectation, "target"),
                static_cast<double>(repetitions * expectation.each + expectation.own_events));
      EXPECT_EQ(growth(before, after, expectation, "neighbour"),
                static_cast<double>(neighbours_repetitions * expectation.each +
                                    neighbours_.size() * expectation.own_events));
    }
  }

  TestCgroup target_cgroup_{"target"};
  TestCgroup neighbour_cgroup_{"neighbour"};
  Probe probe_;
  Worker target_;
  Neighbours neighbours_;
  exporter::ContainerTable table_;
};

TEST_P(Exactness, TwentyThreeEventsBesideABusyNeighbour) {
  expect_exact(kFew);
}

TEST_P(Exactness, ManyEventsBesideABusyNeighbour) {
  expect_exact(workload().many);
}

INSTANTIATE_TEST_SUITE_P(Every, Exactness, testing::ValuesIn(cases()), [](const auto& instance) {
  return instance.param.workload.name + (instance.param.hierarchy ? "OnV2" : "OnTheHostsHierarchy");
});

}  // namespace
}  // namespace sonde::test
