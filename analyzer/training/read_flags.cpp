#include "analyzer/training/read_flags.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "analyzer/config/config.h"
#include "analyzer/pipeline/options.h"
#include "analyzer/query/time_argument.h"
#include "common/clock.h"

namespace sonde::analyzer {
namespace {

constexpr int64_t kMostColumns = 1'000'000;

Result<int64_t> milliseconds_of(std::string_view flag, const std::string& word, int64_t least) {
  const Result<int64_t> value = parse_duration_ms(word);
  if (!value) return fail(fmt::format("--{}", flag), value.error());
  if (*value < least)
    return fail(ErrorCode::kInvalid, fmt::format("--{}: must be at least {} ms", flag, least));
  return *value;
}

Result<DatasetOptions> dataset_options(const ReadFlags& flags, const Config& config) {
  DatasetOptions options;
  const int64_t now_ms = unix_milliseconds_now();
  for (const auto& [flag, word, target] :
       {std::tuple{"--from", &flags.from, &options.from_ms}, {"--to", &flags.to, &options.to_ms}}) {
    const Result<int64_t> time = parse_time_ms(*word, now_ms);
    if (!time) return fail(flag, time.error());
    *target = *time;
  }
  if (options.to_ms < options.from_ms) {
    return fail(ErrorCode::kInvalid, fmt::format("--to: '{}' lies before --from '{}'", flags.to, flags.from));
  }
  options.step_ms = config.analysis.grid_step().count();
  if (!flags.step.empty()) {
    const Result<int64_t> step = milliseconds_of("step", flags.step, 200);
    if (!step) return tl::unexpected(step.error());
    options.step_ms = *step;
  }
  if ((options.to_ms - options.from_ms) / options.step_ms > kMostColumns) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("--from: more than {} rows; take a shorter time or a larger --step", kMostColumns));
  }
  const Result<int64_t> settle = milliseconds_of("settle", flags.settle, 0);
  if (!settle) return tl::unexpected(settle.error());
  options.settle_ms = *settle;
  options.presence = flags.presence;
  options.name_space = flags.name_space.empty() ? config.classifier.name_space : flags.name_space;
  return options;
}

}  // namespace

void add_read_flags(CLI::App& app, ReadFlags& flags) {
  app.add_option("--config.file", flags.config_file,
                 "The analyzer's configuration: which Prometheus (prometheus), which quantities "
                 "(metric_map), at which "
                 "step (analysis). Without it every key has its default")
      ->type_name("FILE");
  app.add_option("--url", flags.url, "Another Prometheus than the configuration's")->type_name("URL");
  app.add_option("--from", flags.from, "First time: Unix seconds, RFC 3339, or a distance to now such as -4h")
      ->type_name("TIME");
  app.add_option("--to", flags.to, "Last time, likewise")->type_name("TIME")->capture_default_str();
  app.add_option(
         "--step", flags.step,
         "Between rows; without it as configured. A model is right only where the analyzer runs at the same")
      ->type_name("DURATION");
  app.add_option("--settle", flags.settle,
                 "So long after the end of a fault no row counts as normal or as another fault")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option(
         "--presence", flags.presence,
         "Share of the rows that must have a feature; those with less are dropped as columns, and rows that "
         "lack one of the rest are left out")
      ->type_name("SHARE")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  app.add_option("--namespace", flags.name_space, "Services of this namespace only; without it as configured")
      ->type_name("NAME");
}

Result<Dataset> read_dataset(const ReadFlags& flags) {
  if (flags.from.empty())
    return fail(ErrorCode::kInvalid, "--from: is missing; name the first time, such as -4h");
  const Result<std::string> text =
      flags.config_file.empty() ? Result<std::string>("") : read_config_file(flags.config_file);
  if (!text) return fail(ErrorCode::kInvalid, text.error().message);
  Result<Config> config = parse_config(*text, flags.config_file.empty() ? "the defaults" : flags.config_file);
  if (!config) return tl::unexpected(config.error());
  if (!flags.url.empty()) config->prometheus.url = flags.url;
  const Result<MetricMapper> mapper = MetricMapper::compile(config->metric_map);
  if (!mapper) return tl::unexpected(mapper.error());
  const Result<DatasetOptions> options = dataset_options(flags, *config);
  if (!options) return tl::unexpected(options.error());
  Result<SourceOptions> from = source_options(*config);
  if (!from) return tl::unexpected(from.error());
  Result<std::unique_ptr<Source>> source = make_remote_source(std::move(*from));
  if (!source) return fail(flags.url.empty() ? "prometheus" : "--url", source.error());
  return build_dataset(**source, *mapper, *options);
}

}  // namespace sonde::analyzer
