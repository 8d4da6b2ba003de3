#include "common/workload_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde {
namespace {

TEST(WorkloadName, TakesOffWhatControllersAppend) {
  EXPECT_EQ(workload_of_pod("frontend-7d8f9c6b5-x2v4z"), "frontend");
  EXPECT_EQ(workload_of_pod("ts-order-service-5b9c7f6d68-kq2lx"), "ts-order-service");
  EXPECT_EQ(workload_of_pod("fluentd-k2x9z"), "fluentd");
  EXPECT_EQ(workload_of_pod("postgres-0"), "postgres");
  EXPECT_EQ(workload_of_pod("kafka-broker-12"), "kafka-broker");
  EXPECT_EQ(workload_of_pod("backup-29384756-h4x2k"), "backup");
}

TEST(WorkloadName, LeavesOtherNamesAlone) {
  EXPECT_EQ(workload_of_pod("redis"), "redis");
  EXPECT_EQ(workload_of_pod("my-cache"), "my-cache");
  EXPECT_EQ(workload_of_pod("a-service"), "a-service");  // vowels are in no suffix
  EXPECT_EQ(workload_of_pod(""), "");
  EXPECT_EQ(workload_of_pod("-0"), "-0");
}

TEST(WorkloadName, GoesByThePodsLabelsWhereThereAreAny) {
  struct Case {
    const char* pod;
    RuntimeLabels labels;
    const char* workload;
  };
  const std::vector<Case> cases{
      {"api-7d8f9c6b5-x2v4z", {{"pod-template-hash", "7d8f9c6b5"}}, "api"},
      {"bcdfg-7d8f9c6b5-x2v4z", {{"pod-template-hash", "7d8f9c6b5"}}, "bcdfg"},
      // A Deployment's name may end as a hash does.
      {"web-bcdfgh-7d8f9c6b5-x2v4z", {{"pod-template-hash", "7d8f9c6b5"}}, "web-bcdfgh"},
      // Long names are cut before the suffix, so the hash may not be whole: what is there is kept.
      {"a-very-long-name-7d8f-x2v4z", {{"pod-template-hash", "7d8f9c6b5"}}, "a-very-long-name-7d8f"},
      {"db-0",
       {{"statefulset.kubernetes.io/pod-name", "db-0"}, {"controller-revision-hash", "db-5c8f7d9b6"}},
       "db"},
      {"kafka-2-11", {{"statefulset.kubernetes.io/pod-name", "kafka-2-11"}}, "kafka-2"},
      {"fluentd-k2x9z", {{"controller-revision-hash", "6b8d4f7c5"}}, "fluentd"},
      {"backup-29384756-h4x2k", {{"job-name", "backup-29384756"}}, "backup"},
      {"import-h4x2k", {{"batch.kubernetes.io/job-name", "import"}}, "import"},
      {"etcd-node-1", {{"component", "etcd"}}, "etcd"},
      {"kube-proxy", {}, "kube-proxy"},
      // No controller: a suffix that looks like one is part of the name.
      {"tool-x2v4z", {}, "tool-x2v4z"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(workload_of_pod(one.pod, one.labels, "node-1"), one.workload) << one.pod;
  }
}

TEST(WorkloadName, OfAContainerWithoutAPodIsItsServiceOrItsName) {
  EXPECT_EQ(workload_of_container("shop-api-2", {{"com.docker.compose.service", "api"}}), "api");
  EXPECT_EQ(workload_of_container("shop_api_2", {{"io.podman.compose.service", "api"}}), "api");
  EXPECT_EQ(workload_of_container("s.1.x", {{"com.docker.swarm.service.name", "s"}}), "s");
  EXPECT_EQ(workload_of_container("systemd-web-1", {{"PODMAN_SYSTEMD_UNIT", "web@1.service"}}), "web");
  EXPECT_EQ(workload_of_container("shop-api-2", {}), "shop-api");
  EXPECT_EQ(workload_of_container("shop_api_2", {}), "shop_api");
  EXPECT_EQ(workload_of_container("redis", {}), "redis");
  EXPECT_EQ(workload_of_container("-1", {}), "-1");
  EXPECT_EQ(workload_of_container("42", {}), "42");
  EXPECT_EQ(workload_of_container("", {}), "");
}

}  // namespace
}  // namespace sonde
