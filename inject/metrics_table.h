#pragma once

#include <string>

namespace sonde::inject {

/// The Markdown tables of every metric that the program exports, by fault: its part of docs/metrics.md.
std::string metrics_table();

}  // namespace sonde::inject
