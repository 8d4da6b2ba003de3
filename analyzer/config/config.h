#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/config/metric_map.h"
#include "common/result.h"

namespace sonde::analyzer {

using Milliseconds = std::chrono::milliseconds;

/// Where samples come from: `prometheus` in the file.
struct PrometheusConfig {
  std::string url = "http://127.0.0.1:9090";
  std::string mode = "auto";
  Milliseconds timeout{10'000};
  uint64_t memory_bytes = 56ULL << 20;
  uint64_t samples = 50'000'000;
  uint64_t series = 200'000;
  std::string username;
  std::string password_file;
  std::string bearer_token_file;
  std::string tenant;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool insecure_skip_verify = false;

  friend bool operator==(const PrometheusConfig&, const PrometheusConfig&) = default;
};

/// When and over what is judged: `analysis` in the file.
struct AnalysisConfig {
  Milliseconds interval{15'000};  ///< between ticks: Prometheus's scrape_interval
  Milliseconds step{0};           ///< of the time grid; 0 = interval
  uint64_t history = 300;         ///< columns read at start and remembered
  uint64_t chart = 40;            ///< columns shown as evidence
  uint64_t max_age = 5;           ///< ticks after which results are withdrawn
  uint64_t queue = 4;             ///< diagnoses of past times that may wait

  [[nodiscard]] Milliseconds grid_step() const { return step.count() > 0 ? step : interval; }
  friend bool operator==(const AnalysisConfig&, const AnalysisConfig&) = default;
};

/// `detectors.zscore`.
struct ZscoreConfig {
  double relative_floor = 0.02;
  uint64_t settle = 3;
  uint64_t minimum = 15;
  uint64_t relearn = 900;
  double quantile = 0.997;
  uint64_t small_sample = 333;
  double small_margin = 2;
  uint64_t threshold_minimum = 10;
  double threshold_before = 25;
  uint64_t threshold_memory = 2000;

  friend bool operator==(const ZscoreConfig&, const ZscoreConfig&) = default;
};

/// `detectors.replica_distance`.
struct ReplicaConfig {
  uint64_t columns = 20;
  double relative_floor = 0.02;
  double ratio = 1.5;
  double minimum_distance = 3;

  friend bool operator==(const ReplicaConfig&, const ReplicaConfig&) = default;
};

/// `detectors.change_rate`.
struct ChangeRateConfig {
  double alpha = 0.3;
  Milliseconds half_life{600'000};
  bool normalised = false;
  uint64_t minimum_services = 20;
  Milliseconds forget{3'600'000};

  friend bool operator==(const ChangeRateConfig&, const ChangeRateConfig&) = default;
};

/// `diagnosis`.
struct DiagnosisConfig {
  double minimum_strength = 10;
  double clear_ratio = 1.5;
  uint64_t debounce_needed = 2;
  uint64_t debounce_of = 3;
  double shift_ratio = 1.3;
  double shift_share = 0.6;
  uint64_t shift_services = 3;
  double load_slack = 1.5;

  friend bool operator==(const DiagnosisConfig&, const DiagnosisConfig&) = default;
};

/// `classifier`.
struct ClassifierConfig {
  std::string model;  ///< folder that `train` writes; "": no classifier
  std::string algorithm = "svm";
  double confidence = 0.5;
  std::string name_space;  ///< "": services of all namespaces

  friend bool operator==(const ClassifierConfig&, const ClassifierConfig&) = default;
};

/// The whole configuration file.
struct Config {
  PrometheusConfig prometheus;
  AnalysisConfig analysis;
  ZscoreConfig zscore;
  ReplicaConfig replica;
  ChangeRateConfig change_rate;
  DiagnosisConfig diagnosis;
  ClassifierConfig classifier;
  std::vector<std::string> presets;  ///< of metric_map, where they are already part of it
  MetricMap metric_map;

  friend bool operator==(const Config&, const Config&) = default;
};

/// What an empty file means: all defaults and the preset "sonde".
Config default_config();

/// Reads a configuration from text; `file` is for messages.
/// Errors: kInvalid, one line: file:line: key=value: what is wrong and the remedy.
Result<Config> parse_config(std::string_view text, const std::string& file);

/// The text of a configuration file. Errors: kNotFound, kPermission or kInvalid, naming it.
Result<std::string> read_config_file(const std::string& file);

/// Where a key ("prometheus.tls.key_file") stands: "file:line", that of the nearest key above it where the
/// text has none of its own, or only the file. For what is found wrong after parse_config().
std::string place_of_key(std::string_view text, const std::string& file, std::string_view key);

/// The documented configuration with every key at its default: docs/analyzer.yml.
std::string_view example_config();

/// A preset's text; empty for an unknown name. Presets: sonde, cadvisor, node.
std::string_view preset_text(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace sonde::analyzer
