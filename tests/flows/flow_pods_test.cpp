#include "exporter/flows/flow_pods.h"

#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

Container container(const std::string& pod, uint64_t network_namespace, uint64_t life) {
  Container one;
  one.name = {"shop", pod, "server", "api"};
  one.pod_labels = metrics::Labels{{"pod", pod}};
  one.network_namespace = network_namespace;
  one.life = life;
  return one;
}

FlowInterface interface(uint32_t index, uint64_t network_namespace) {
  return {.space = 0, .index = index, .network_namespace = network_namespace};
}

class FlowPodsTest : public testing::Test {
 protected:
  void update(const std::vector<Container>& containers, const std::vector<FlowInterface>& interfaces) {
    now_ += std::chrono::seconds(15);
    pods_.update({containers, {}, {}}, interfaces, now_);
  }
  std::string pod_of(uint32_t index) {
    const FlowPod* pod = pods_.pod_of({0, index}, now_);
    if (pod == nullptr) return "to be awaited";
    return pod == &pods_.host() ? "host" : std::string(pod->labels.text());
  }

  FlowPods pods_;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(FlowPodsTest, AnInterfaceIsThePodsWhoseNamespaceItLeadsTo) {
  update({container("a", 11, 1), container("b", 12, 2)},
         {interface(5, 11), interface(6, 12), interface(7, 11)});
  EXPECT_EQ(pod_of(5), "pod=\"a\"");
  EXPECT_EQ(pod_of(6), "pod=\"b\"");
  EXPECT_EQ(pod_of(7), "pod=\"a\"");
}

TEST_F(FlowPodsTest, TheNodesOwnInterfacesAreTheHosts) {
  update({}, {interface(2, 0)});
  EXPECT_EQ(pod_of(2), "host");
}

TEST_F(FlowPodsTest, APodThatIsNotKnownYetIsAwaitedForAMinute) {
  update({}, {interface(5, 11)});
  EXPECT_EQ(pod_of(5), "to be awaited");
  update({container("a", 11, 1)}, {interface(5, 11)});
  EXPECT_EQ(pod_of(5), "pod=\"a\"");
  EXPECT_EQ(pod_of(99), "to be awaited") << "an interface that nobody has told of";
  for (int i = 0; i < 4; ++i) {
    update({}, {});
    (void)pod_of(99);
  }
  EXPECT_EQ(pod_of(99), "host");
}

TEST_F(FlowPodsTest, WhatIsGoneStaysKnownForAWhile) {
  update({container("a", 11, 1)}, {interface(5, 11)});
  update({}, {});
  EXPECT_EQ(pod_of(5), "pod=\"a\"");
  EXPECT_FALSE(pods_.pod_of({0, 5}, now_)->alive);
  const uint64_t life = pods_.pod_of({0, 5}, now_)->life;
  now_ += std::chrono::minutes(6);
  update({}, {});
  EXPECT_EQ(pods_.find(life), nullptr);
  EXPECT_EQ(pod_of(5), "to be awaited") << "a new one of that number, for all we know";
}

TEST_F(FlowPodsTest, AnInterfaceThatIsGoneIsNotThePodsThatGotItsNamespacesNumber) {
  update({container("a", 11, 1)}, {interface(5, 11)});
  update({container("b", 11, 2)}, {interface(6, 11)});
  EXPECT_EQ(pod_of(5), "pod=\"a\"");
  EXPECT_EQ(pod_of(6), "pod=\"b\"");
}

TEST_F(FlowPodsTest, APodWithNewLabelsIsAnother) {
  update({container("a", 11, 1)}, {interface(5, 11)});
  const uint64_t first = pods_.pod_of({0, 5}, now_)->life;
  update({container("b", 11, 2)}, {interface(5, 11)});
  EXPECT_EQ(pod_of(5), "pod=\"b\"");
  EXPECT_NE(pods_.pod_of({0, 5}, now_)->life, first);
}

}  // namespace
}  // namespace sonde::exporter
