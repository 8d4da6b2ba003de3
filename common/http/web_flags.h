#pragma once

#include <string>

#include "common/http/server.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace sonde::http {

/// Adds --web.listen-address (repeatable), --web.telemetry-path, --web.max-requests, --web.compression and
/// --web.config.file; parsing throws CLI::ParseError for a value that cannot be right, and for a
/// configuration file with anything wrong in it or in the files that it names.
void add_web_flags(CLI::App& app, WebOptions& options, const std::string& default_address);

/// Flags that every program has besides: --log.level, --log.format.
struct LogOptions {
  std::string level = "info";
  std::string format = "logfmt";
};
void add_log_flags(CLI::App& app, LogOptions& options);

}  // namespace sonde::http
