#include "analyzer/options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "analyzer/config/config.h"
#include "analyzer/metrics_table.h"
#include "analyzer/runtime.h"
#include "common/build_info.h"

namespace sonde::analyzer {
namespace {

constexpr const char* kDescription =
    "Reads series from a Prometheus, finds the container in trouble, serves /metrics and /diagnose.\n"
    "`sonde-analyzer query` prints series as the analyzer sees them (see sonde-analyzer query --help).\n"
    "Scrape it with honor_labels: true.";

struct Flags {
  bool version = false;
  bool check = false;
  bool example = false;
  bool metrics_table = false;
  std::string preset;
};

void add_config_flags(CLI::App& app, Flags& flags, Options& options) {
  app.add_option("--config.file", options.config_file,
                 "The YAML file; without one the defaults count, with a Prometheus on this machine");
  app.add_flag("--config.check", flags.check, "Check the configuration and end: 0 if it is good, 2 if not");
  app.add_flag("--config.example", flags.example, "Print a file with every key at its default and end");
  app.add_option("--config.preset", flags.preset,
                 "Print a preset of the metric map (sonde, cadvisor, node) and end");
}

/// What --config.check answers.
CommandLine checked(CommandLine result) {
  const Result<void> good = check_configuration(result.options.config_file);
  result.exit_code = good ? 0 : 2;
  result.output = good ? "the configuration is good\n" : "sonde-analyzer: " + good.error().message + "\n";
  return result;
}

CommandLine preset(CommandLine result, const std::string& name) {
  const std::string_view text = preset_text(name);
  result.exit_code = text.empty() ? 2 : 0;
  result.output =
      text.empty()
          ? fmt::format("sonde-analyzer: --config.preset={}: use one of sonde, cadvisor, node\n", name)
          : std::string(text);
  return result;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine result;
  Flags flags;
  CLI::App app(kDescription, "sonde-analyzer");
  app.set_help_flag("-h,--help", "Print this help");
  app.add_flag("--version", flags.version, "Print the version");
  app.add_flag("--metrics.table", flags.metrics_table,
               "Print docs/metrics.md's table of this program and end");
  add_config_flags(app, flags, result.options);
  http::add_web_flags(app, result.options.web, ":9757");
  app.add_flag("--web.enable-lifecycle", result.options.enable_lifecycle,
               "Let POST /-/reload load the configuration anew (SIGHUP always does)");
  http::add_log_flags(app, result.options.log);

  const auto end = [&](int code, std::string output) {
    result.exit_code = code;
    result.output = std::move(output);
    return result;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return end(0, app.help());
  } catch (const CLI::ParseError& error) {
    return end(2, fmt::format("sonde-analyzer: {}; see sonde-analyzer --help\n", error.what()));
  }
  if (flags.version) return end(0, version_text("sonde-analyzer"));
  if (flags.metrics_table) return end(0, metrics_table());
  if (flags.example) return end(0, std::string(example_config()));
  if (!flags.preset.empty()) return preset(std::move(result), flags.preset);
  if (flags.check) return checked(std::move(result));
  return result;
}

}  // namespace sonde::analyzer
