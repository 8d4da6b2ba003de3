#include "analyzer/pipeline/options.h"

namespace sonde::analyzer {
namespace {

double seconds(Milliseconds value) {
  return static_cast<double>(value.count()) / 1000.0;
}

ZscoreOptions zscore_options(const Config& config) {
  const ZscoreConfig& from = config.zscore;
  ZscoreOptions options;
  options.relative_floor = from.relative_floor;
  options.history_columns = config.analysis.history;
  options.settle_columns = from.settle;
  options.minimum_columns = from.minimum;
  options.relearn_columns = from.relearn;
  options.threshold = {.quantile = from.quantile,
                       .small_sample = from.small_sample,
                       .small_margin = from.small_margin,
                       .minimum = from.threshold_minimum,
                       .before_minimum = from.threshold_before,
                       .capacity = from.threshold_memory};
  return options;
}

ChangeRateDetectorOptions change_rate_options(const ChangeRateConfig& from) {
  ChangeRateDetectorOptions options;
  options.rate = {.alpha = from.alpha, .half_life_seconds = seconds(from.half_life)};
  options.normalised = from.normalised;
  options.minimum_services = from.minimum_services;
  options.forget_seconds = seconds(from.forget);
  return options;
}

DiagnosisOptions diagnosis_options(const DiagnosisConfig& from) {
  DiagnosisOptions options;
  options.minimum_strength = from.minimum_strength;
  options.clear_ratio = from.clear_ratio;
  options.debounce_needed = from.debounce_needed;
  options.debounce_of = from.debounce_of;
  options.fleet = {.shift_ratio = from.shift_ratio,
                   .shift_share = from.shift_share,
                   .minimum_services = from.shift_services,
                   .load_slack = from.load_slack};
  return options;
}

}  // namespace

AnalysisOptions analysis_options(const Config& config) {
  AnalysisOptions options;
  options.step_ms = config.analysis.grid_step().count();
  options.frame_columns = config.analysis.chart;
  options.detectors.zscore = zscore_options(config);
  options.detectors.replica = {.columns = config.replica.columns,
                               .relative_floor = config.replica.relative_floor,
                               .ratio = config.replica.ratio,
                               .minimum_distance = config.replica.minimum_distance};
  options.detectors.change_rate = change_rate_options(config.change_rate);
  options.diagnosis = diagnosis_options(config.diagnosis);
  options.fault_class = {.algorithm = config.classifier.algorithm,
                         .confidence = config.classifier.confidence,
                         .name_space = config.classifier.name_space};
  return options;
}

Result<SourceOptions> source_options(const Config& config) {
  const PrometheusConfig& from = config.prometheus;
  const Result<ReadMode> mode = parse_read_mode(from.mode);
  if (!mode) return fail("prometheus.mode", mode.error());
  SourceOptions options;
  options.url = from.url;
  options.mode = *mode;
  options.auth.username = from.username;
  options.auth.password_file = from.password_file;
  options.auth.bearer_token_file = from.bearer_token_file;
  options.auth.tenant = from.tenant;
  options.tls = {.ca_file = from.ca_file,
                 .cert_file = from.cert_file,
                 .key_file = from.key_file,
                 .insecure_skip_verify = from.insecure_skip_verify};
  options.budget = {.timeout = from.timeout,
                    .memory_bytes = from.memory_bytes,
                    .samples = from.samples,
                    .series = from.series};
  options.query_range_step = config.analysis.grid_step();
  return options;
}

}  // namespace sonde::analyzer
