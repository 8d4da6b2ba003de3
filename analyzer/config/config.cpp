#include "analyzer/config/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "analyzer/config/parse_metric_map.h"
#include "common/yaml_section.h"

namespace sonde::analyzer {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr size_t kLongestFile = 1 << 20;
constexpr uint64_t kMany = 1'000'000;

void parse_prometheus(YamlSection section, PrometheusConfig& config) {
  section.read("url", config.url);
  const std::vector<std::string> modes = {"auto", "samples", "chunks", "query_range"};
  size_t mode = 0;
  section.read_word("mode", modes, mode);
  config.mode = modes[mode];
  section.read("timeout", config.timeout, milliseconds(100), minutes(10));
  YamlSection budget = section.section("budget");
  budget.read_bytes("memory", config.memory_bytes, 1 << 20, 1ULL << 40);
  budget.read("samples", config.samples, 1000, UINT64_MAX);
  budget.read("series", config.series, 10, UINT64_MAX);
  budget.close();
  YamlSection basic = section.section("basic_auth");
  basic.read("username", config.username);
  basic.read("password_file", config.password_file);
  basic.close();
  section.read("bearer_token_file", config.bearer_token_file);
  section.read("tenant", config.tenant);
  YamlSection tls = section.section("tls");
  tls.read("ca_file", config.ca_file);
  tls.read("cert_file", config.cert_file);
  tls.read("key_file", config.key_file);
  tls.read("insecure_skip_verify", config.insecure_skip_verify);
  tls.close();
  section.close();
}

void parse_analysis(YamlSection section, AnalysisConfig& config) {
  section.read("interval", config.interval, milliseconds(200), hours(1));
  section.read("step", config.step, milliseconds(0), hours(1));
  section.read("history", config.history, 20, 100'000);
  section.read("chart", config.chart, 5, 2000);
  section.read("max_age", config.max_age, 1, 1000);
  section.read("queue", config.queue, 1, 1000);
  section.close();
}

void parse_zscore(YamlSection section, ZscoreConfig& config) {
  section.read("relative_floor", config.relative_floor, 0, 1);
  section.read("settle", config.settle, 0, kMany);
  section.read("minimum", config.minimum, 2, kMany);
  section.read("relearn", config.relearn, 10, kMany);
  YamlSection threshold = section.section("threshold");
  threshold.read("quantile", config.quantile, 0.5, 1);
  threshold.read("small_sample", config.small_sample, 1, kMany);
  threshold.read("small_margin", config.small_margin, 1, 1000);
  threshold.read("minimum", config.threshold_minimum, 1, kMany);
  threshold.read("before_minimum", config.threshold_before, 0, 1e12);
  threshold.read("memory", config.threshold_memory, 10, kMany);
  threshold.close();
  section.close();
}

void parse_replica(YamlSection section, ReplicaConfig& config) {
  section.read("columns", config.columns, 2, 2000);
  section.read("relative_floor", config.relative_floor, 0, 1);
  section.read("ratio", config.ratio, 1, 1000);
  section.read("minimum_distance", config.minimum_distance, 0, 1e12);
  section.close();
}

void parse_change_rate(YamlSection section, ChangeRateConfig& config) {
  section.read("alpha", config.alpha, 0, 1);
  section.read("half_life", config.half_life, milliseconds(1000), hours(24 * 30));
  section.read("normalised", config.normalised);
  section.read("minimum_services", config.minimum_services, 2, kMany);
  section.read("forget", config.forget, milliseconds(1000), hours(24 * 30));
  section.close();
}

void parse_diagnosis(YamlSection section, DiagnosisConfig& config) {
  section.read("minimum_strength", config.minimum_strength, 0.1, 1e12);
  section.read("clear_ratio", config.clear_ratio, 1, 1000);
  YamlSection debounce = section.section("debounce");
  debounce.read("needed", config.debounce_needed, 1, 100);
  debounce.read("of", config.debounce_of, 1, 100);
  debounce.close();
  YamlSection shift = section.section("load_shift");
  shift.read("ratio", config.shift_ratio, 1.01, 1000);
  shift.read("share", config.shift_share, 0.5, 1);
  shift.read("services", config.shift_services, 2, kMany);
  shift.read("slack", config.load_slack, 1, 1000);
  shift.close();
  section.close();
}

void parse_classifier(YamlSection section, ClassifierConfig& config) {
  section.read("model", config.model);
  const std::vector<std::string> algorithms = {"knn", "svm", "naive_bayes", "random_forest"};
  auto algorithm = static_cast<size_t>(std::ranges::find(algorithms, config.algorithm) - algorithms.begin());
  section.read_word("algorithm", algorithms, algorithm);
  config.algorithm = algorithms[algorithm];
  section.read("confidence", config.confidence, 0, 1);
  section.read("namespace", config.name_space);
  section.close();
}

/// The node of a dotted key itself, of the nearest one above it that the file has, or none.
YAML::Node nearest_key(const YAML::Node& root, std::string_view key) {
  YAML::Node section = root;
  YAML::Node nearest(YAML::NodeType::Undefined);
  while (!key.empty() && section.IsMap()) {
    const size_t dot = std::min(key.find('.'), key.size());
    const std::string_view word = key.substr(0, dot);
    key.remove_prefix(std::min(dot + 1, key.size()));
    const auto found = std::find_if(section.begin(), section.end(), [&](const auto& entry) {
      return entry.first.IsScalar() && entry.first.Scalar() == word;
    });
    if (found == section.end()) break;
    nearest.reset(found->first);
    section.reset(YAML::Node(found->second));
  }
  return nearest;
}

/// What no single key can tell.
void check_together(const YAML::Node& root, const Config& config, Complaints& complaints) {
  const auto complain = [&](const char* key, const std::string& text) {
    complaints.add(nearest_key(root, key), key, text);
  };
  if (config.diagnosis.debounce_needed > config.diagnosis.debounce_of) {
    complain("diagnosis.debounce.needed",
             fmt::format("={}: more than debounce.of={}; use at most that", config.diagnosis.debounce_needed,
                         config.diagnosis.debounce_of));
  }
  if (!config.prometheus.username.empty() && config.prometheus.password_file.empty()) {
    complain("prometheus.basic_auth.password_file",
             ": missing beside username; name the file that holds the password");
  }
  if (config.analysis.chart < config.replica.columns) {
    complain("analysis.chart",
             fmt::format("={}: shorter than detectors.replica_distance.columns={}; use at least that",
                         config.analysis.chart, config.replica.columns));
  }
  if (config.metric_map.empty()) {
    complain("metric_map", ": names no quantity; use a preset, such as presets: [sonde]");
  }
}

}  // namespace

Config default_config() {
  return *parse_config("", "the defaults");
}

Result<Config> parse_config(std::string_view text, const std::string& file) {
  if (text.size() > kLongestFile) {
    return fail(ErrorCode::kLimit,
                fmt::format("{}: {} bytes; a configuration has at most {}", file, text.size(), kLongestFile));
  }
  Result<YAML::Node> root = load_yaml(text, file);
  if (!root) return tl::unexpected(root.error());
  Config config;
  Complaints complaints(file);
  try {
    YamlSection section(*root, "", complaints);
    parse_prometheus(section.section("prometheus"), config.prometheus);
    parse_analysis(section.section("analysis"), config.analysis);
    YamlSection detectors = section.section("detectors");
    parse_zscore(detectors.section("zscore"), config.zscore);
    parse_replica(detectors.section("replica_distance"), config.replica);
    parse_change_rate(detectors.section("change_rate"), config.change_rate);
    detectors.close();
    parse_diagnosis(section.section("diagnosis"), config.diagnosis);
    parse_classifier(section.section("classifier"), config.classifier);
    parse_metric_map(section.section("metric_map"), config.presets, config.metric_map);
    section.close();
    if (complaints.empty()) check_together(*root, config, complaints);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: {}", file, error.what()));
  }
  if (!complaints.empty()) return fail(ErrorCode::kInvalid, complaints.text());
  return config;
}

Result<std::string> read_config_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const int reason = errno;
    return fail(reason == EACCES ? ErrorCode::kPermission : ErrorCode::kNotFound,
                fmt::format("--config.file={}: {}; name a file that exists and can be read", file,
                            std::generic_category().message(reason)));
  }
  std::string text(kLongestFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) {  // a directory can be opened but not read
    return fail(ErrorCode::kInvalid, fmt::format("--config.file={}: cannot be read; name a file", file));
  }
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

std::string place_of_key(std::string_view text, const std::string& file, std::string_view key) {
  const Result<YAML::Node> root = load_yaml(text, file);
  return root ? Complaints::place(file, nearest_key(*root, key)) : file;
}

}  // namespace sonde::analyzer
