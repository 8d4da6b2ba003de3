#pragma once

#include <string>

namespace sonde::analyzer {

/// The Markdown table of every metric that the program exports: its part of docs/metrics.md.
std::string metrics_table();

}  // namespace sonde::analyzer
