#pragma once

#include "common/help_text.h"
#include "common/result.h"
#include "exporter/flows/flow_options.h"

namespace sonde::exporter {

/// Adds the flags --flows.*, which fill `options`. Where one is wrong CLI11 throws, as for all flags.
void add_flow_flags(CLI::App& app, FlowOptions& options);
/// Errors: kInvalid where flags do not fit together, one line.
Result<void> check_flow_options(const FlowOptions& options);

}  // namespace sonde::exporter
