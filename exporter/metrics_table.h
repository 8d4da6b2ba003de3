#pragma once

#include <string>

namespace sonde::exporter {

/// The Markdown tables of every metric that the program exports, by collector: its part of docs/metrics.md.
std::string metrics_table();

}  // namespace sonde::exporter
