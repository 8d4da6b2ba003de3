#include "analyzer/pipeline/workload_name.h"

#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

TEST(WorkloadName, TakesOffWhatControllersAppend) {
  EXPECT_EQ(workload_of_pod("frontend-7d8f9c6b5-x2v4z"), "frontend");
  EXPECT_EQ(workload_of_pod("ts-order-service-5b9c7f6d68-kq2lx"), "ts-order-service");
  EXPECT_EQ(workload_of_pod("fluentd-k2x9z"), "fluentd");
  EXPECT_EQ(workload_of_pod("postgres-0"), "postgres");
  EXPECT_EQ(workload_of_pod("kafka-broker-12"), "kafka-broker");
}

TEST(WorkloadName, LeavesOtherNamesAlone) {
  EXPECT_EQ(workload_of_pod("redis"), "redis");
  EXPECT_EQ(workload_of_pod("my-cache"), "my-cache");
  EXPECT_EQ(workload_of_pod("a-service"), "a-service");  // vowels are in no suffix
  EXPECT_EQ(workload_of_pod(""), "");
  EXPECT_EQ(workload_of_pod("-0"), "-0");
}

}  // namespace
}  // namespace sonde::analyzer
