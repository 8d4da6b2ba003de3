#include "inject/faults/fault_table.h"

#include <gtest/gtest.h>

#include <set>

#include "inject/fault_publication.h"

namespace sonde::inject {
namespace {

/// Several faults are on one page in a campaign: a metric that two of them had would be described twice
/// there.
TEST(FaultTable, HasEachMetricOnce) {
  std::set<std::string_view> names;
  for (const auto& row : fault_metric_rows()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  for (const auto& fault : fault_table()) {
    for (const auto& row : fault.metric_rows()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
}

TEST(FaultTable, HasEachFaultOnceWithAllOfItsLabels) {
  for (const auto& fault : fault_table()) {
    EXPECT_EQ(find_fault(fault.name), &fault);
    for (const auto& row : fault.metric_rows())
      EXPECT_EQ(row.labels, "namespace,pod,container,service,fault");
  }
  EXPECT_EQ(find_fault("none"), nullptr);
}

}  // namespace
}  // namespace sonde::inject
