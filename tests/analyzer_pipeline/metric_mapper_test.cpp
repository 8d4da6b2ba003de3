#include "analyzer/pipeline/metric_mapper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analyzer/config/config.h"

namespace sonde::analyzer {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

MetricMapper mapper_for(const std::string& yaml) {
  const Result<Config> config = parse_config(yaml, "test");
  EXPECT_TRUE(config) << config.error().message;
  Result<MetricMapper> mapper = MetricMapper::compile(config->metric_map);
  EXPECT_TRUE(mapper) << mapper.error().message;
  return std::move(*mapper);
}

std::string quantity(const MetricMapper& mapper, const MetricMapper::Target& target) {
  return mapper.quantities()[target.quantity].name;
}

TEST(MetricMapper, EveryPresetCompiles) {
  for (const std::string& preset : preset_names()) {
    const MetricMapper mapper = mapper_for("metric_map: {presets: [" + preset + "]}");
    EXPECT_EQ(mapper.selectors().size(), mapper.quantities().size());
  }
}

TEST(MetricMapper, FindsQuantityAndContainerOfASeries) {
  const MetricMapper mapper = mapper_for("");
  const auto targets = mapper.targets(LabelSet({{"__name__", "sonde_container_cpu_usage_seconds_total"},
                                                {"namespace", "shop"},
                                                {"pod", "api-2"},
                                                {"container", "api-2"},
                                                {"service", "api"}}));
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(quantity(mapper, targets[0]), "cpu_usage");
  EXPECT_EQ(targets[0].entity, (Entity{"shop", "api-2", "api-2", "api"}));
}

TEST(MetricMapper, WaitingForAnswersAndAnsweringAreTwoQuantities) {
  const MetricMapper mapper = mapper_for("");
  for (const auto& [role, name] : {std::pair{"client", "answer_wait"}, {"server", "answer_time"}}) {
    const auto targets = mapper.targets(LabelSet({{"__name__", "sonde_flow_request_latency_seconds_sum"},
                                                  {"namespace", "shop"},
                                                  {"pod", "api-2"},
                                                  {"container", ""},
                                                  {"service", "api"},
                                                  {"remote_service", "redis"},
                                                  {"role", role}}));
    ASSERT_EQ(targets.size(), 1U);
    EXPECT_EQ(quantity(mapper, targets[0]), name);
    EXPECT_EQ(targets[0].entity, (Entity{"shop", "api-2", "", "api"}));
  }
}

TEST(MetricMapper, TheHostsOwnRowIsNoContainer) {
  EXPECT_THAT(
      mapper_for("").targets(LabelSet({LabelSet::Pair{"__name__", "sonde_container_syscalls_total"}})),
      IsEmpty());
}

TEST(MetricMapper, NothingThatTheInjectorPublishesIsRead) {
  for (const std::string& preset : preset_names()) {
    const MetricMapper mapper = mapper_for("metric_map: {presets: [" + preset + "]}");
    EXPECT_THAT(mapper.targets(LabelSet({{"__name__", "sonde_fault_active"},
                                         {"namespace", "shop"},
                                         {"pod", "api-2"},
                                         {"container", "api-2"},
                                         {"service", "api"}})),
                IsEmpty());
  }
}

TEST(MetricMapper, ExportedLabelsCountWhereHonorLabelsWasForgotten) {
  const MetricMapper mapper = mapper_for("");
  const auto targets = mapper.targets(LabelSet({{"__name__", "sonde_container_cpu_usage_seconds_total"},
                                                {"namespace", "monitoring"},
                                                {"pod", "sonde-exporter-x"},
                                                {"container", "exporter"},
                                                {"exported_namespace", "shop"},
                                                {"exported_pod", "api-2"},
                                                {"exported_container", "api-2"},
                                                {"exported_service", "api"}}));
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(targets[0].entity, (Entity{"shop", "api-2", "api-2", "api"}));
}

TEST(MetricMapper, CadvisorsPodsGetTheirWorkloadFromTheirName) {
  const MetricMapper mapper = mapper_for("metric_map: {presets: [cadvisor]}");
  const auto targets = mapper.targets(LabelSet({{"__name__", "container_network_receive_bytes_total"},
                                                {"namespace", "shop"},
                                                {"pod", "api-7d8f9c6b5-x2v4z"},
                                                {"container", "POD"},
                                                {"interface", "eth0"}}));
  ASSERT_EQ(targets.size(), 1U);
  EXPECT_EQ(targets[0].entity, (Entity{"shop", "api-7d8f9c6b5-x2v4z", "", "api"}));
}

TEST(MetricMapper, ASelectorOfSeveralMetricsMatchesEachOfThem) {
  const MetricMapper mapper = mapper_for("metric_map: {presets: [node]}");
  for (const char* name : {"node_disk_reads_completed_total", "node_disk_writes_completed_total"}) {
    const auto targets = mapper.targets(
        LabelSet({{"__name__", name}, {"instance", "a:9100"}, {"job", "node"}, {"device", "sda"}}));
    ASSERT_EQ(targets.size(), 1U);
    EXPECT_EQ(quantity(mapper, targets[0]), "block_requests");
    EXPECT_EQ(targets[0].entity.service, "node");
  }
}

TEST(MetricMapper, NegativeMatchersExclude) {
  const MetricMapper mapper = mapper_for("metric_map: {presets: [node]}");
  const auto on = [&](const std::string& device) {
    return mapper.targets(LabelSet({{"__name__", "node_network_receive_bytes_total"},
                                    {"instance", "a:9100"},
                                    {"job", "node"},
                                    {"device", device}}));
  };
  EXPECT_EQ(on("eth0").size(), 1U);
  EXPECT_THAT(on("lo"), IsEmpty());
  EXPECT_THAT(on("veth12ab"), IsEmpty());
}

TEST(MetricMapper, AWrongSelectorIsNamedWithItsQuantity) {
  for (const char* select : {"my_metric{", "my_metric{a=~\"(\"}"}) {
    MetricMap map;
    map["queue"].select = select;
    const Result<MetricMapper> mapper = MetricMapper::compile(map);
    ASSERT_FALSE(mapper) << select;
    EXPECT_EQ(mapper.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(mapper.error().message, HasSubstr("metric_map.queue.select=" + std::string(select)));
  }
}

}  // namespace
}  // namespace sonde::analyzer
