#include "inject/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "common/build_info.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "inject/duration.h"
#include "inject/metrics_table.h"

namespace sonde::inject {
namespace {

constexpr int kBadConfiguration = 2;

/// Flags as they are written, before their values are checked.
struct RawFlags {
  std::string cgroup;
  std::string duration;
  std::string proof_timeout = "10s";
  std::string linger = "1m";
  std::string state_folder = "/run/sonde";
  bool all = false;
  http::WebOptions web;
  http::LogOptions log;
};

/// A subcommand that injects, and the fault that its flags went into.
struct FaultCommand {
  const FaultRow* row;
  CLI::App* app;
  std::unique_ptr<Fault> fault;
};

void add_state_flag(CLI::App& app, RawFlags& raw) {
  app.add_option("--state-dir", raw.state_folder, "Where running faults are noted, for undo")
      ->capture_default_str();
}

std::vector<FaultCommand> add_fault_commands(CLI::App& app, RawFlags& raw) {
  std::vector<FaultCommand> commands;
  for (const auto& row : fault_table()) {
    CLI::App* command = app.add_subcommand(std::string(row.name), std::string(row.help));
    command
        ->add_option(
            "--cgroup", raw.cgroup,
            "The container's cgroup below the hierarchies' roots, such as /shop/api-2; a full path works too")
        ->required();
    command->add_option("--duration", raw.duration, "How long the fault lasts: 30s, 1m30s")->required();
    command
        ->add_option("--proof-timeout", raw.proof_timeout,
                     "How long its effect may take to show, else it is undone")
        ->capture_default_str();
    command
        ->add_option("--linger", raw.linger,
                     "How long at most to stay up after the end, until two scrapes have seen it")
        ->capture_default_str();
    add_state_flag(*command, raw);
    auto fault = row.make();
    fault->add_flags(*command);
    http::add_web_flags(*command, raw.web, ":9758");
    http::add_log_flags(*command, raw.log);
    commands.push_back({&row, command, std::move(fault)});
  }
  return commands;
}

tl::unexpected<Error> flag_error(std::string_view flag, std::string_view value, const Error& error) {
  return fail(error.code, fmt::format("{}={}: {}", flag, value, error.message));
}

Result<InjectOptions> check(FaultCommand& command, const RawFlags& raw) {
  InjectOptions options;
  const auto duration = parse_duration(raw.duration);
  if (!duration) return flag_error("--duration", raw.duration, duration.error());
  if (duration->count() == 0)
    return fail(ErrorCode::kInvalid, "--duration=0s: no time at all; write for example 30s");
  const auto proof_timeout = parse_duration(raw.proof_timeout);
  if (!proof_timeout) return flag_error("--proof-timeout", raw.proof_timeout, proof_timeout.error());
  const auto linger = parse_duration(raw.linger);
  if (!linger) return flag_error("--linger", raw.linger, linger.error());
  if (auto good = command.fault->check(); !good) return tl::unexpected(good.error());
  if (geteuid() != 0) {
    return fail(ErrorCode::kPermission, "moving a process into a cgroup needs root; start it with sudo");
  }
  auto target = CgroupTarget::find(raw.cgroup);
  if (!target) return flag_error("--cgroup", raw.cgroup, target.error());
  options.row = command.row;
  options.fault = std::move(command.fault);
  options.target = std::move(*target);
  options.duration = *duration;
  options.proof_timeout = *proof_timeout;
  options.linger = *linger;
  options.state_folder = raw.state_folder;
  options.web = raw.web;
  return options;
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
  return refuse(Error{ErrorCode::kInvalid, message + "; see sonde-inject --help"});
}

}  // namespace

CommandLine read_command_line(int argc, const char* const* argv) {
  CLI::App app(
      "Puts a fault into one container, proves its effect, undoes it, and publishes when it was there.",
      "sonde-inject");
  app.set_version_flag("--version", version_text("sonde-inject"));
  app.require_subcommand(1);
  app.add_flag_callback(
      "--metrics.table",
      [] {
        fmt::print("{}", metrics_table());
        throw CLI::Success();
      },
      "Print the tables of docs/metrics.md and exit");
  RawFlags raw;
  auto commands = add_fault_commands(app, raw);
  CLI::App* undo = app.add_subcommand(
      "undo", "Undo the faults of injectors that are gone (killed together with their watchdog)");
  undo->add_flag("--all", raw.all, "End running injectors too");
  add_state_flag(*undo, raw);
  http::add_log_flags(*undo, raw.log);
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

}  // namespace sonde::inject
