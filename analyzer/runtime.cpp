#include "analyzer/runtime.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "analyzer/pipeline/options.h"
#include "analyzer/pipeline/past_diagnosis.h"
#include "analyzer/source/credentials.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"

namespace sonde::analyzer {
namespace {

int64_t history_ms(const Config& config) {
  return config.analysis.grid_step().count() * static_cast<int64_t>(config.analysis.history);
}

}  // namespace

Result<void> check_configuration(const std::string& file) {
  const auto setup = Runtime::make_setup(file);
  if (!setup) return tl::unexpected(setup.error());
  // Read anew for each request, so that a running analyzer waits for a file that is missing for a moment.
  const auto options = source_options((*setup)->config);
  if (!options) return tl::unexpected(options.error());
  if (auto there = check_secret_files(options->auth); !there) {
    const std::string message = "prometheus." + there.error().message;
    const std::string place =
        place_of_key(read_config_file(file).value_or(""), file, message.substr(0, message.find('=')));
    return fail(place, Error{there.error().code, message});
  }
  return {};
}

Runtime::Runtime(std::string config_file)
    : config_file_(std::move(config_file)), health_(tick_failure_reasons()) {}

Result<std::shared_ptr<Runtime::Setup>> Runtime::make_setup(const std::string& file) {
  const Result<std::string> text = file.empty() ? Result<std::string>("") : read_config_file(file);
  if (!text) return tl::unexpected(text.error());
  const std::string name = file.empty() ? "the defaults" : file;
  Result<Config> config = parse_config(*text, name);
  if (!config) return tl::unexpected(config.error());
  // What only the parts themselves can tell: their messages begin with the key.
  const auto refuse = [&](Error error, const std::string& section = "") {
    error.message.insert(0, section);
    const std::string key = error.message.substr(0, error.message.find_first_of("=:"));
    return fail(place_of_key(*text, name, key), error);
  };
  Result<MetricMapper> mapper = MetricMapper::compile(config->metric_map);
  if (!mapper) return refuse(mapper.error());
  Result<SourceOptions> options = source_options(*config);
  if (!options) return refuse(options.error());
  Result<std::unique_ptr<Source>> source = make_remote_source(std::move(*options));
  if (!source) return refuse(source.error(), "prometheus.");
  auto setup = std::make_shared<Setup>();
  setup->config = std::move(*config);
  setup->mapper = std::make_shared<const MetricMapper>(std::move(*mapper));
  setup->source = std::move(*source);
  const std::string& models = setup->config.classifier.model;
  if (!models.empty()) {
    std::vector<std::string> quantities;
    for (const auto& [quantity, entry] : setup->config.metric_map) quantities.push_back(quantity);
    setup->models = std::make_shared<ModelWatch>(
        models, [algorithm = setup->config.classifier.algorithm, quantities](const Model& model) {
          return foreign_shape(model, algorithm, quantities);
        });
  }
  return setup;
}

std::shared_ptr<Runtime::Setup> Runtime::setup() const {
  const std::lock_guard lock(setup_mutex_);
  return setup_;
}

void Runtime::run(std::shared_ptr<Setup> setup) {
  ticks_.reset();  // joins: the old loop publishes nothing any more
  TickLoopOptions options;
  options.interval_ms = setup->config.analysis.interval.count();
  options.history_ms = history_ms(setup->config);
  options.analysis = analysis_options(setup->config);
  options.models = setup->models;
  auto loop = std::make_unique<TickLoop>(options, setup->mapper, *setup->source, reports_, health_);
  {
    const std::lock_guard lock(setup_mutex_);
    setup_ = std::move(setup);
  }
  ticks_ = std::make_unique<TickThread>(std::move(loop));
}

Result<void> Runtime::load() {
  Result<std::shared_ptr<Setup>> setup = make_setup(config_file_);
  if (!setup) return tl::unexpected(setup.error());
  health_.configuration_loaded(true, unix_seconds_now());
  const std::lock_guard lock(setup_mutex_);
  setup_ = std::move(*setup);
  return {};
}

void Runtime::start() {
  const std::lock_guard lock(reload_mutex_);
  run(setup());
}

Result<void> Runtime::reload() {
  const std::lock_guard lock(reload_mutex_);
  Result<std::shared_ptr<Setup>> setup = make_setup(config_file_);
  health_.configuration_loaded(setup.has_value(), unix_seconds_now());
  if (!setup) {
    log::error("the new configuration is wrong; the old one stays in use",
               {{"reason", setup.error().message}});
    return tl::unexpected(setup.error());
  }
  // The setup in use goes when the last diagnosis that reads through it is done.
  run(std::move(*setup));
  log::info("configuration reloaded", {{"file", config_file_}});
  return {};
}

Result<ReportPointer> Runtime::diagnose_past(const PastRequest& request) {
  const std::shared_ptr<Setup> current = setup();
  AnalysisOptions options = analysis_options(current->config);
  if (current->models) options.model = current->models->current();
  return analyzer::diagnose_past(options, current->mapper, *current->source, history_ms(current->config),
                                 request);
}

void Runtime::log_start(std::string_view addresses) const {
  const Config& config = setup()->config;
  const std::string presets = fmt::format("{}", fmt::join(config.presets, ", "));
  log::info("reading from Prometheus", {{"config", config_file_.empty() ? "the defaults" : config_file_},
                                        {"prometheus", config.prometheus.url},  // holds no credentials
                                        {"presets", presets},
                                        {"quantities", config.metric_map.size()},
                                        {"interval", duration_text(config.analysis.interval)},
                                        {"step", duration_text(config.analysis.grid_step())},
                                        {"address", addresses}});
}

int64_t Runtime::max_age_ms() const {
  const std::shared_ptr<Setup> current = setup();
  return current->config.analysis.interval.count() * static_cast<int64_t>(current->config.analysis.max_age);
}

size_t Runtime::queue_capacity() const {
  return setup()->config.analysis.queue;
}

}  // namespace sonde::analyzer
