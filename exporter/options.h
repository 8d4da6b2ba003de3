#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/http/server.h"
#include "common/http/web_flags.h"
#include "exporter/bpf_collectors.h"
#include "exporter/container_index.h"
#include "exporter/flows/flow_options.h"
#include "exporter/flows/mapping/mapping_options.h"
#include "exporter/flows/tracing/trace_options.h"
#include "identity/cgroup_mounts.h"
#include "identity/runtime_sockets.h"

namespace sonde::exporter {

/// The command line of sonde-exporter.
struct Options {
  http::WebOptions web;
  http::LogOptions log;
  identity::HostRoots roots;
  std::optional<std::string> cgroup_include;  ///< of --container.cgroup-include
  bool state_files = true;                    ///< containers are named by the runtimes' files
  identity::SocketOptions sockets;
  bool systemd_units = true;
  ListingBounds bounds;
  std::chrono::milliseconds linger = ContainerIndexOptions().linger;
  std::set<std::string, std::less<>> collectors;  ///< names of those that are on
  SyscallsOptions syscalls;
  FlowOptions flows;
  MappingOptions mapping;
  bool cadvisor_names = false;
  bool host_row = true;
  std::vector<std::string> disabled_hooks;
  uint32_t max_cgroups = BpfOptions().max_cgroups;
  bool drop_privileges = true;
  TraceOptions traces{};
  std::string node_lock = "sonde-exporter";  ///< "none": no lock
};

/// What the command line asks for.
struct CommandLine {
  Options options;
  /// Set where the program is to end at once: after --help and the like (0), or because of a wrong flag (2).
  std::optional<int> exit_code;
  std::string output;  ///< what to print before that: to stdout with exit code 0, else to stderr
};

/// Reads the command line. Prints nothing and never ends the program.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace sonde::exporter
