#include "analyzer/options.h"

#include <fmt/format.h>

#include "analyzer/config/config.h"
#include "analyzer/metrics_table.h"
#include "analyzer/runtime.h"
#include "common/build_info.h"
#include "common/help_text.h"

namespace sonde::analyzer {
namespace {

constexpr const char* kDescription =
    "Reads what containers do from a Prometheus, finds the one in trouble, and serves /metrics for that "
    "Prometheus "
    "and /diagnose for people. One runs in a cluster, as any user.\n"
    "Other commands, each with its own --help: `sonde-analyzer query` prints series as the analyzer sees "
    "them, "
    "`sonde-analyzer dataset` writes rows that are labelled with what sonde-inject did, "
    "`sonde-analyzer train` learns from them, "
    "`sonde-analyzer calibrate` moves what was learnt to another load, "
    "`sonde-analyzer evaluate classify` says how well the classifiers tell faults in a table of known cases.";

constexpr const char* kFooter =
    "Examples:\n"
    "  sonde-analyzer --config.example >analyzer.yml\n"
    "  sonde-analyzer --config.file=analyzer.yml --config.check\n"
    "  sonde-analyzer --config.file=analyzer.yml --web.listen-address=10.0.0.9:9757\n"
    "  curl -s http://127.0.0.1:9757/diagnose\n"
    "\n"
    "Scrape it with honor_labels: true. SIGHUP loads the configuration anew.\n"
    "Exit codes: 0 ended by a signal, 1 it could not start, 2 a wrong flag or configuration.";

struct Flags {
  bool version = false;
  bool check = false;
  bool example = false;
  bool metrics_table = false;
  std::string preset;
};

void add_config_flags(CLI::App& app, Flags& flags, Options& options) {
  app.add_option("--config.file", options.config_file,
                 "The YAML configuration. Without it every key has its default; the Prometheus is then "
                 "http://127.0.0.1:9090")
      ->type_name("FILE");
  app.add_flag("--config.check", flags.check,
               "Check the configuration, without asking the Prometheus, and end: 0 if it is good, 2 if not");
  app.add_flag("--config.example", flags.example,
               "Print a configuration with every key explained and at its default, and end");
  app.add_option("--config.preset", flags.preset,
                 "Print a preset of metric_map, which says what series are read and how, and end")
      ->type_name("sonde|cadvisor|node");
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
  set_help(app, kFooter);
  app.add_flag("--version", flags.version, "Print the version and end");
  app.add_flag("--metrics.table", flags.metrics_table,
               "Print every metric with its unit, labels and meaning, as in docs/metrics.md, and end");
  in_group(app, "Configuration", [&] { add_config_flags(app, flags, result.options); });
  in_group(app, "Web", [&] {
    http::add_web_flags(app, result.options.web, ":9757");
    app.add_flag("--web.enable-lifecycle", result.options.enable_lifecycle,
                 "Let POST /-/reload load the configuration anew, as SIGHUP always does");
  });
  in_group(app, "Log", [&] { http::add_log_flags(app, result.options.log); });

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
