#include "analyzer/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sonde::analyzer {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string complaint(std::string_view text) {
  const Result<Config> config = parse_config(text, "analyzer.yml");
  return config ? "accepted" : config.error().message;
}

TEST(Config, AnEmptyFileIsTheDefaultsWithTheSondePreset) {
  const Result<Config> config = parse_config("", "analyzer.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->prometheus, PrometheusConfig{});
  EXPECT_EQ(config->analysis, AnalysisConfig{});
  EXPECT_TRUE(config->metric_map.contains("cpu_usage"));
  EXPECT_EQ(config->presets, std::vector<std::string>{"sonde"});
}

// The example names every key at its default: reading it changes nothing.
TEST(Config, TheExampleIsTheDefaults) {
  const Result<Config> config = parse_config(example_config(), "docs/analyzer.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config, default_config());
}

TEST(Config, EveryPresetReadsAndHasWhatTheDetectorsNeed) {
  for (const std::string& preset : preset_names()) {
    const Result<Config> config = parse_config("metric_map: {presets: [" + preset + "]}", "x");
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_TRUE(config->metric_map.contains("cpu_usage")) << preset;
    size_t loads = 0;
    for (const auto& [quantity, entry] : config->metric_map) {
      loads += entry.load ? 1U : 0U;
      EXPECT_GT(entry.floor, 1e-6) << preset << " " << quantity;
      EXPECT_FALSE(entry.unit.empty()) << preset << " " << quantity;
      // The injector's series are for training and evaluation; what scores must not see them.
      EXPECT_EQ(entry.select.find("sonde_fault"), std::string::npos) << preset << " " << quantity;
    }
    EXPECT_GE(loads, 2U) << preset;
  }
}

TEST(Config, AnUnknownKeyIsNamedWithFileLineAndWhatIsKnown) {
  const std::string text = complaint("analysis:\n  interval: 2s\n  intervall: 3s\n");
  EXPECT_THAT(text, HasSubstr("analyzer.yml:3: analysis.intervall: unknown key"));
  EXPECT_THAT(text, HasSubstr("interval, max_age"));
}

TEST(Config, AnUnknownSectionIsAnError) {
  EXPECT_THAT(complaint("prometeus: {url: x}"), HasSubstr("analyzer.yml:1: prometeus: unknown key"));
}

TEST(Config, AnUnknownKeyDeepInsideIsFound) {
  EXPECT_THAT(complaint("detectors:\n  zscore:\n    threshold:\n      quantil: 0.9\n"),
              HasSubstr(":4: detectors.zscore.threshold.quantil: unknown key"));
  EXPECT_THAT(complaint("metric_map:\n  cpu_usage: {selekt: x}\n"),
              HasSubstr(":2: metric_map.cpu_usage.selekt: unknown key"));
  EXPECT_THAT(complaint("metric_map: {cpu_usage: {labels: {app: x}}}"),
              HasSubstr("metric_map.cpu_usage.labels.app: unknown key"));
}

TEST(Config, AKeyThatStandsTwiceIsAnError) {
  EXPECT_THAT(complaint("analysis: {interval: 2s, interval: 3s}"), HasSubstr("stands here twice"));
}

struct WrongValue {
  const char* text;
  const char* message;
};

class ConfigValue : public testing::TestWithParam<WrongValue> {};

TEST_P(ConfigValue, OutOfItsRangeIsNamedWithKeyValueAndRemedy) {
  EXPECT_THAT(complaint(GetParam().text), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Wrong, ConfigValue,
    testing::Values(
        WrongValue{"analysis: {interval: soon}", "analysis.interval=soon: use a duration from 200ms to 1h"},
        WrongValue{"analysis: {interval: 1ms}", "analysis.interval=1ms"},
        WrongValue{"analysis: {interval: 15}", "analysis.interval=15"},
        WrongValue{"analysis: {history: -1}", "analysis.history=-1: use a whole number from 20 to 100000"},
        WrongValue{"analysis: {chart: 10}", "analysis.chart=10: shorter than"},
        WrongValue{"prometheus: {mode: fast}", "prometheus.mode=fast: use one of auto, samples, chunks"},
        WrongValue{"prometheus: {url: [a]}", "prometheus.url: a text is wanted"},
        WrongValue{"prometheus: {budget: {memory: 5MB}}", "prometheus.budget.memory=5MB"},
        WrongValue{"prometheus: {budget: {memory: 99999999999GiB}}", "prometheus.budget.memory="},
        WrongValue{"prometheus: {basic_auth: {username: me}}", "password_file: missing"},
        WrongValue{"prometheus: {tls: {insecure_skip_verify: 1}}", "use true or false"},
        WrongValue{"detectors: {zscore: {threshold: {quantile: 99.7}}}", "quantile=99.7: use a number from"},
        WrongValue{"detectors: {zscore: {relative_floor: nan}}", "relative_floor=nan"},
        WrongValue{"diagnosis: {debounce: {needed: 4, of: 3}}", "diagnosis.debounce.needed=4: more than"},
        WrongValue{"metric_map: {presets: [sonda]}", "metric_map.presets=sonda: no such preset"},
        WrongValue{"metric_map: {presets: sonde}", "a list is wanted"},
        WrongValue{"metric_map: {presets: []}", "names no quantity"},
        WrongValue{"metric_map: {my_thing: {kind: gauge}}", "metric_map.my_thing.select: missing"},
        WrongValue{"metric_map: {My-Thing: {select: x}}", "lower-case letters"},
        WrongValue{"metric_map: {cpu_usage: {kind: histogram}}", "kind=histogram: use one of counter, gauge"},
        WrongValue{"metric_map: {cpu_usage: {score: change}}", "a counter is always scored as its rate"},
        WrongValue{"metric_map: {cpu_usage: {floor: 0}}", "floor=0"},
        WrongValue{"analysis: 5", "a map of keys is wanted"}, WrongValue{"- a\n- b\n", "a map of keys"},
        WrongValue{"analysis: {interval: 2s", "not YAML"}));

TEST(Config, OneKeyOfAPresetsQuantityCanBeSetAlone) {
  const Result<Config> config =
      parse_config("metric_map:\n  presets: [sonde]\n  cpu_usage: {floor: 0.5}\n", "x");
  ASSERT_TRUE(config) << config.error().message;
  const MetricEntry& cpu = config->metric_map.at("cpu_usage");
  EXPECT_EQ(cpu.floor, 0.5);
  EXPECT_EQ(cpu.select, default_config().metric_map.at("cpu_usage").select);
}

TEST(Config, AQuantityOfOnesOwnIsRead) {
  const Result<Config> config = parse_config(R"(
metric_map:
  presets: []
  queue_length:
    select: my_queue{tier="web"}
    kind: gauge
    factor: 0.001
    aggregate: max
    role: symptom
    direction: both
    load: true
    floor: 2
    unit: jobs
    labels: {service: app, container: ""}
    workload: pod_name
)",
                                             "x");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->metric_map.size(), 1U);
  const MetricEntry& entry = config->metric_map.at("queue_length");
  EXPECT_EQ(entry.select, "my_queue{tier=\"web\"}");
  EXPECT_EQ(entry.kind, MetricEntry::Kind::kGauge);
  EXPECT_EQ(entry.factor, 0.001);
  EXPECT_EQ(entry.aggregate, MetricEntry::Aggregate::kMax);
  EXPECT_EQ(entry.role, MetricEntry::Role::kSymptom);
  EXPECT_TRUE(entry.cause_when_falling);
  EXPECT_TRUE(entry.load);
  EXPECT_EQ(entry.labels.at("service"), "app");
  EXPECT_EQ(entry.labels.at("container"), "");
  EXPECT_EQ(entry.labels.at("pod"), "pod");
  EXPECT_EQ(entry.workload, MetricEntry::Workload::kPodName);
}

TEST(Config, AClassifierIsAFolderAnAlgorithmAndAConfidence) {
  EXPECT_EQ(default_config().classifier, ClassifierConfig());
  const auto config =
      parse_config("classifier: {model: /m, algorithm: knn, confidence: 0.75, namespace: shop}", "f.yml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->classifier.model, "/m");
  EXPECT_EQ(config->classifier.algorithm, "knn");
  EXPECT_EQ(config->classifier.confidence, 0.75);
  EXPECT_EQ(config->classifier.name_space, "shop");
  EXPECT_FALSE(parse_config("classifier: {algorithm: forest}", "f.yml"));
  EXPECT_FALSE(parse_config("classifier: {confidence: 1.5}", "f.yml"));
}

TEST(Config, DurationsAndSizesAreReadWithTheirUnits) {
  const Result<Config> config = parse_config(
      "analysis: {interval: 1m30s}\nprometheus: {timeout: 1500ms, budget: {memory: 64MiB}}\n", "x");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->analysis.interval, Milliseconds(90'000));
  EXPECT_EQ(config->analysis.grid_step(), Milliseconds(90'000));
  EXPECT_EQ(config->prometheus.timeout, Milliseconds(1500));
  EXPECT_EQ(config->prometheus.memory_bytes, 64U << 20);
}

TEST(Config, OfSeveralMistakesTheFirstIsToldAndThePlacesOfTheOthers) {
  EXPECT_THAT(complaint("a: 1\nanalysis:\n  interval: soon\n"),
              AllOf(StartsWith("analyzer.yml:3: analysis.interval=soon: use a duration"),
                    EndsWith(" (1 more error: line 1 a)")));
  EXPECT_THAT(complaint("a: 1\nb: 2\nc: 3\n"), EndsWith(" (2 more errors: line 2 b, line 3 c)"));
  EXPECT_THAT(complaint("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\n"),
              EndsWith(" (6 more errors: line 2 b, line 3 c, line 4 d, line 5 e, line 6 f, …)"));
}

TEST(Config, AMissingFileIsNamed) {
  const Result<std::string> text = read_config_file("/nowhere/analyzer.yml");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(text.error().message, HasSubstr("--config.file=/nowhere/analyzer.yml: No such file"));
}

TEST(Config, ADirectoryIsNotAFile) {
  EXPECT_FALSE(read_config_file("/tmp"));
}

TEST(Config, AKeyIsPlacedByItsLineOrTheNearestAboveIt) {
  constexpr std::string_view kText = "analysis: {chart: 40}\nprometheus:\n  tls:\n    ca_file: /ca\n";
  const auto place = [&](std::string_view key) { return place_of_key(kText, "a.yml", key); };
  EXPECT_EQ(place("prometheus.tls.ca_file"), "a.yml:4");
  EXPECT_EQ(place("prometheus.tls.key_file"), "a.yml:3");
  EXPECT_EQ(place("prometheus.tls.ca_file.deeper"), "a.yml:4");
  EXPECT_EQ(place("prometheus.url"), "a.yml:2");
  EXPECT_EQ(place("analysis.chart"), "a.yml:1");
  EXPECT_EQ(place("metric_map"), "a.yml");
  EXPECT_EQ(place_of_key("", "the defaults", "prometheus.url"), "the defaults");
}

TEST(Config, WhatOnlySeveralKeysTellTogetherHasALineToo) {
  EXPECT_THAT(complaint("analysis:\n  interval: 2s\n  chart: 10\n"),
              HasSubstr("analyzer.yml:3: analysis.chart=10"));
  EXPECT_THAT(complaint("\nprometheus:\n  basic_auth:\n    username: me\n"),
              HasSubstr("analyzer.yml:3: prometheus.basic_auth.password_file: missing"));
  EXPECT_THAT(complaint("diagnosis:\n  debounce:\n    of: 3\n    needed: 4\n"),
              HasSubstr("analyzer.yml:4: diagnosis.debounce.needed=4"));
}

}  // namespace
}  // namespace sonde::analyzer
