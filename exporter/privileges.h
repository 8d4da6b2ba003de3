#pragma once

#include <set>

#include "exporter/options.h"

namespace sonde::exporter {

/// Whether a collector is on that looks into the network namespaces of other processes.
bool reads_network_namespaces(const Options& options);

/// Whether a collector is on that watches the containers' connections.
bool watches_flows(const Options& options);

/// Whether a collector is on that maps flows to the underlay's.
bool maps_flows(const Options& options);

/// The capabilities (numbers of linux/capability.h) that what the options ask for needs at any time, also
/// later: to ask a runtime that was started anew, to open a window of sampled system calls. `root`: whether
/// the process belongs to user 0, who needs none for the files and sockets of his own.
std::set<int> needed_capabilities(const Options& options, bool root);

}  // namespace sonde::exporter
