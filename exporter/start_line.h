#pragma once

#include <string>

#include "exporter/capability.h"
#include "exporter/discovery.h"
#include "exporter/options.h"

namespace sonde::exporter {

/// Who tells the containers' names: "cri=up docker=not_found podman=off state_files=found systemd=on". A
/// socket that has not answered yet is "no_answer".
std::string name_sources_text(const Options& options, const DiscoveryState& state);

/// How system calls are counted: "exact", "sampled" or "off"; "off (no_btf)" where that is not what the
/// options say.
std::string syscalls_text(const Options& options, const CapabilityTable& capabilities);

/// Logs in one line what this exporter watches and by what means.
void log_start(const Options& options, const CapabilityTable& capabilities, const DiscoveryState& state);

}  // namespace sonde::exporter
