#include "exporter/privileges.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "common/http/listen_address.h"
#include "exporter/process_capabilities.h"

namespace sonde::exporter {
namespace {

/// Below it, CAP_NET_BIND_SERVICE is needed to listen.
constexpr uint16_t kFirstFreePort = 1024;

/// Whose a socket is that somebody named and that is not there yet is not known.
bool is_roots(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && status.st_uid == 0;
}

bool listens_below_free_ports(const http::WebOptions& web) {
  return std::ranges::any_of(web.listen_addresses, [](const std::string& text) {
    const auto address = http::parse_listen_address(text);
    return address && address->port > 0 && address->port < kFirstFreePort;
  });
}

}  // namespace

bool reads_network_namespaces(const Options& options) {
  constexpr std::array kOfPods{"cgroup_network", "tcp_retransmits", "packet_drops"};
  return watches_flows(options) || maps_flows(options) || options.traces.on ||
         std::ranges::any_of(kOfPods, [&](const char* name) { return options.collectors.contains(name); });
}

bool watches_flows(const Options& options) {
  const bool triggers = options.traces.on && !options.traces.triggers.empty();
  return options.collectors.contains("flow_rtt") || triggers;
}

bool maps_flows(const Options& options) {
  return options.collectors.contains("flow_mapping");
}

std::set<int> needed_capabilities(const Options& options, bool root) {
  // Cgroups are announced by a BPF program; files are those of runtimes, of cgroups, and TLS keys.
  std::set<int> needed{CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH};
  // It stands for both where a runtime knows no others.
  if (!has_capability(CAP_BPF) || !has_capability(CAP_PERFMON)) needed.insert(CAP_SYS_ADMIN);
  if (reads_network_namespaces(options)) needed.insert(CAP_SYS_PTRACE);
  if (watches_flows(options) || maps_flows(options)) {
    // For tc; the mapping's list of translated connections needs it too.
    needed.insert(CAP_NET_ADMIN);
    const bool inside = watches_flows(options) && options.flows.attach == FlowAttach::kContainers;
    const bool enters = inside || !options.flows.network_namespace.empty();
    if (enters) needed.insert(CAP_SYS_ADMIN);
  }
  // Those that are only looked for will be root's, as every runtime makes its own unless told otherwise.
  const auto sockets = identity::socket_paths(options.sockets);
  const bool all_are_roots = std::ranges::all_of(sockets.asked, is_roots);
  const bool any = !sockets.asked.empty() || !sockets.awaited.empty();
  if (root ? !all_are_roots : any) {
    needed.insert(CAP_DAC_OVERRIDE);
  }
  if (listens_below_free_ports(options.web)) needed.insert(CAP_NET_BIND_SERVICE);
  return needed;
}

}  // namespace sonde::exporter
