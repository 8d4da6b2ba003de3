#pragma once

#include <optional>
#include <string>

#include "common/http/server.h"
#include "common/http/web_flags.h"

namespace sonde::analyzer {

/// The command line of sonde-analyzer.
struct Options {
  http::WebOptions web;
  http::LogOptions log;
  std::string config_file;  ///< "": the defaults
  bool enable_lifecycle = false;
};

/// What the command line asks for.
struct CommandLine {
  Options options;
  /// Set where the program is to end at once: after --help, --config.check and the like (0), or because
  /// something in them is wrong (2).
  std::optional<int> exit_code;
  std::string output;  ///< what to print before that: to stdout with exit code 0, else to stderr
};

/// Reads the command line. Prints nothing and never ends the program.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace sonde::analyzer
