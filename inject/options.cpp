#include "inject/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/build_info.h"
#include "common/duration.h"
#include "common/help_text.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "inject/metrics_table.h"
#include "inject/nearest_name.h"
#include "inject/target_flags.h"

namespace sonde::inject {
namespace {

constexpr int kBadConfiguration = 2;

/// Flags as they are written, before their values are checked.
struct RawFlags {
  TargetFlags target;
  Shape::Flags shape;
  std::string duration;
  std::string proof_timeout = "10s";
  std::string linger = "1m";
  std::string state_folder = "/run/sonde";
  bool all = false;
  bool check = false;
  int report_descriptor = -1;
  http::WebOptions web;
  http::LogOptions log;
};

/// A subcommand that injects, and the fault that its flags went into.
struct FaultCommand {
  const FaultRow* row;
  CLI::App* app;
  std::unique_ptr<Fault> fault;
  std::vector<const CLI::Option*> own_flags{};  ///< without those that every fault has
};

constexpr std::array kOtherCommands = {"campaign", "workload", "undo"};

constexpr const char* kDescription =
    "Puts a fault into one container, proves its effect, takes it back, and publishes when it was there as "
    "metrics. "
    "Needs root. If it is killed, a watchdog takes the fault back; if that is killed too, `sonde-inject "
    "undo` does.\n"
    "Other commands, each with its own --help: `sonde-inject campaign` injects faults one after the other as "
    "a "
    "file says, `sonde-inject workload` sends a service a load of requests.";

constexpr const char* kFooter =
    "Examples:\n"
    "  sonde-inject cpu --cgroup=/shop/api-2 --duration=30s --cores=0.5\n"
    "  sonde-inject cpu --help\n"
    "  sonde-inject undo\n"
    "\n"
    "Exit codes: 0 the fault was there and is gone, 1 it was not or rights are missing, 2 a wrong flag.";

void add_state_flag(CLI::App& app, RawFlags& raw) {
  app.add_option("--state-dir", raw.state_folder,
                 "Where running faults are noted; undo sees those of the same folder alone")
      ->type_name("FOLDER")
      ->capture_default_str();
}

void add_time_flags(CLI::App& app, RawFlags& raw) {
  app.add_option("--duration", raw.duration, "How long the fault lasts: 30s, 1m30s")
      ->type_name("DURATION")
      ->required();
  app.add_option("--proof-timeout", raw.proof_timeout,
                 "How long its effect may take to show; if it does not, the fault is taken back")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--linger", raw.linger,
                 "How long at most to stay up after the fault's end, until two scrapes have seen it end")
      ->type_name("DURATION")
      ->capture_default_str();
}

std::vector<FaultCommand> add_fault_commands(CLI::App& app, RawFlags& raw) {
  std::vector<FaultCommand> commands;
  for (const auto& row : fault_table()) {
    CLI::App* command = app.add_subcommand(std::string(row.name), std::string(row.help));
    set_help(*command,
             fmt::format("Example:\n  sonde-inject {} --cgroup=/shop/api-2 --duration=30s", row.name));
    FaultCommand added{&row, command, row.make()};
    in_group(*command, "Target", [&] { raw.target.add_to(*command); });
    in_group(*command, "Fault", [&] {
      add_time_flags(*command, raw);
      const size_t before = command->get_options().size();
      added.fault->add_flags(*command);
      const auto flags = std::as_const(*command).get_options();
      added.own_flags.assign(flags.begin() + static_cast<std::ptrdiff_t>(before), flags.end());
      raw.shape.add_to(*command);
      add_state_flag(*command, raw);
    });
    command->add_flag("--check", raw.check,
                      "Only look whether the flags are right and the target is there, and say which it is");
    // For campaigns alone, so not shown: a pipe that takes the place of /metrics (fault_report.h).
    command->add_option("--report-descriptor", raw.report_descriptor)->group("");
    in_group(*command, "Web", [&] { http::add_web_flags(*command, raw.web, ":9758"); });
    in_group(*command, "Log", [&] { http::add_log_flags(*command, raw.log); });
    commands.push_back(std::move(added));
  }
  return commands;
}

/// 0 to 24 h: nothing should disturb a container for longer unattended.
Result<std::chrono::milliseconds> duration_of(std::string_view flag, std::string_view value) {
  const auto duration = parse_duration(value);
  if (duration && *duration <= std::chrono::hours(24)) return *duration;
  return fail(
      ErrorCode::kInvalid,
      fmt::format("{}={}: no duration up to 24h; write for example 500ms, 30s or 1m30s", flag, value));
}

/// The fault and its own flags, given or not: "cpu --cores=1.0 --min-effect=0.5".
std::string words_of(const FaultCommand& command) {
  std::string words(command.row->name);
  for (const CLI::Option* flag : command.own_flags) {
    const std::string value = flag->count() > 0 ? flag->results().back() : flag->get_default_str();
    if (!value.empty()) words += fmt::format(" {}={}", flag->get_name(), value);
  }
  return words;
}

/// All but the target.
Result<InjectOptions> check_values(FaultCommand& command, const RawFlags& raw) {
  InjectOptions options;
  const auto duration = duration_of("--duration", raw.duration);
  if (!duration) return tl::unexpected(duration.error());
  if (duration->count() == 0)
    return fail(ErrorCode::kInvalid, "--duration=0s: no time at all; write for example 30s");
  const auto proof_timeout = duration_of("--proof-timeout", raw.proof_timeout);
  if (!proof_timeout) return tl::unexpected(proof_timeout.error());
  const auto linger = duration_of("--linger", raw.linger);
  if (!linger) return tl::unexpected(linger.error());
  if (auto good = command.fault->check(); !good) return tl::unexpected(good.error());
  if (auto good = raw.target.check(); !good) return tl::unexpected(good.error());
  auto shape = Shape::read(raw.shape, *duration, command.fault->levels());
  if (!shape) return tl::unexpected(shape.error());
  options.row = command.row;
  options.words = words_of(command);
  options.only_check = raw.check;
  options.rootfs = raw.target.rootfs;
  options.shape = *shape;
  options.duration = *duration;
  options.proof_timeout = *proof_timeout;
  options.linger = *linger;
  options.state_folder = raw.state_folder;
  options.web = raw.web;
  options.report_descriptor = raw.report_descriptor;
  return options;
}

Result<InjectOptions> check(FaultCommand& command, const RawFlags& raw) {
  auto options = check_values(command, raw);
  if (!options) return options;
  if (geteuid() != 0) {
    return fail(ErrorCode::kPermission, "putting a fault into a container needs root; start it with sudo");
  }
  auto target = raw.target.resolve();
  if (!target) return tl::unexpected(target.error());
  options->fault = std::move(command.fault);
  options->target = std::move(*target);
  return options;
}

/// What may have been meant by a command that there is not: one that is written nearly so, or a fault with a
/// flag of that name.
std::string nearest_to(const std::string& word, const std::vector<FaultCommand>& commands) {
  std::set<std::pair<size_t, std::string>> near;
  const auto add = [&](const std::string& name) {
    if (is_near(word, name)) near.emplace(letters_between(word, name), name);
  };
  for (const char* name : kOtherCommands) add(name);
  for (const FaultCommand& command : commands) {
    add(command.app->get_name());
    const auto named = [&](const CLI::Option* flag) { return flag->get_name() == "--" + word; };
    if (std::ranges::any_of(command.own_flags, named)) near.emplace(0, command.app->get_name());
  }
  return near.empty() ? "" : fmt::format("; nearest: {}", near.begin()->second);
}

/// "sonde-inject WORD …": whether there is such a command. Errors: kInvalid.
Result<void> check_command(const std::string& word, const std::vector<FaultCommand>& commands) {
  std::vector<std::string> faults;
  faults.reserve(commands.size());
  for (const FaultCommand& command : commands) faults.push_back(command.app->get_name());
  const auto is_word = [&](std::string_view name) { return name == word; };
  if (word.starts_with('-') || std::ranges::any_of(faults, is_word) ||
      std::ranges::any_of(kOtherCommands, is_word)) {
    return {};
  }
  return fail(
      ErrorCode::kInvalid,
      fmt::format("no fault '{}'{}; there are: {}; and the commands {}; see sonde-inject --help", word,
                  nearest_to(word, commands), fmt::join(faults, ", "), fmt::join(kOtherCommands, ", ")));
}

CommandLine refuse(const Error& error) {
  fmt::print(stderr, "sonde-inject: {}\n", error.message);
  CommandLine result;
  result.exit_code = error.code == ErrorCode::kPermission ? 1 : kBadConfiguration;
  return result;
}

/// The first argument that nobody understood; flags before words, since those may be a wrong flag's value.
std::string not_understood(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining(true);
  const auto flag = std::ranges::find_if(rest, [](const std::string& word) { return word.starts_with('-'); });
  if (flag != rest.end()) return *flag;
  return rest.empty() ? "" : rest.front();
}

/// CLI11 says what and where; one line of it, with where to look.
CommandLine refuse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {  // --help, --version
    app.exit(error);
    return {};
  }
  std::string message = error.what();
  if (const std::string argument = not_understood(app); !argument.empty()) {
    message = fmt::format("{}: {}", argument,
                          argument.starts_with('-') ? "unknown flag" : "unknown command or stray word");
  }
  std::ranges::replace(message, '\n', ' ');
  const auto commands = app.get_subcommands();
  return refuse(
      Error{ErrorCode::kInvalid, fmt::format("{}; see sonde-inject {}--help", message,
                                             commands.empty() ? "" : commands[0]->get_name() + " ")});
}

}  // namespace

CommandLine read_command_line(int argc, const char* const* argv) {
  CLI::App app(kDescription, "sonde-inject");
  set_help(app, kFooter);
  app.set_version_flag("--version", version_text("sonde-inject"), "Print the version and end");
  app.require_subcommand(1);
  app.add_flag_callback(
      "--metrics.table",
      [] {
        fmt::print("{}", metrics_table());
        throw CLI::Success();
      },
      "Print every metric with its unit, labels and meaning, as in docs/metrics.md, and end");
  RawFlags raw;
  auto commands = add_fault_commands(app, raw);
  CLI::App* undo = app.add_subcommand(
      "undo", "Undo the faults of injectors that are gone (killed together with their watchdog)");
  set_help(*undo, "Example:\n  sonde-inject undo");
  undo->add_flag("--all", raw.all, "End running injectors too");
  add_state_flag(*undo, raw);
  http::add_log_flags(*undo, raw.log);
  if (argc > 1) {
    if (const auto known = check_command(argv[1], commands); !known) return refuse(known.error());
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  }
  if (auto configured = log::configure(raw.log.level, raw.log.format); !configured)
    return refuse(configured.error());
  CommandLine result;
  if (undo->parsed()) {
    result.undo = UndoOptions{raw.state_folder, raw.all};
    return result;
  }
  for (auto& command : commands) {
    if (!command.app->parsed()) continue;
    auto options = check(command, raw);
    if (!options) return refuse(options.error());
    result.inject = std::move(*options);
  }
  return result;
}

Result<InjectOptions> read_fault_words(const std::vector<std::string>& words) {
  CLI::App app("", "sonde-inject");
  app.require_subcommand(1);
  RawFlags raw;
  auto commands = add_fault_commands(app, raw);
  if (auto parsed = parse_words(app, words); !parsed)
    return fail(ErrorCode::kInvalid, parsed.error().message);
  const auto chosen =
      std::ranges::find_if(commands, [](const FaultCommand& command) { return command.app->parsed(); });
  auto options = check_values(*chosen, raw);
  if (options) options->fault = std::move(chosen->fault);
  return options;
}

}  // namespace sonde::inject
