#pragma once

#include <CLI/CLI.hpp>

#include "exporter/flows/mapping/mapping_options.h"

namespace sonde::exporter {

/// Adds the flags --mapping.*.
void add_mapping_flags(CLI::App& app, MappingOptions& mapping);

}  // namespace sonde::exporter
