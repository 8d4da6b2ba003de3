#pragma once

#include <CLI/CLI.hpp>

#include "exporter/flows/tracing/trace_options.h"

namespace sonde::exporter {

/// Adds --no-flows.trace, --flows.trace.* and --flows.trigger.* to a command line. `options` outlives `app`.
void add_trace_flags(CLI::App& app, TraceOptions& options);

}  // namespace sonde::exporter
