#include "exporter/collector_table.h"

#include <array>

#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/collectors/flow_mapping.h"
#include "exporter/collectors/flow_rtt.h"

namespace sonde::exporter {
namespace {

/// Adapts a factory of bpf_collectors.h.
template <std::unique_ptr<Collector> (*Make)(BpfContext&)>
std::unique_ptr<Collector> make_bpf(const Environment& environment) {
  return Make(*environment.bpf);
}

std::unique_ptr<Collector> make_syscalls(const Environment& environment) {
  return make_syscalls_collector(*environment.bpf, environment.syscalls);
}

std::unique_ptr<Collector> make_flow_mapping(const Environment& environment) {
  return make_flow_mapping_collector(environment.mapping);
}

constexpr std::array<CollectorEntry, 18> kTable{{
    {"container_info", "image, runtime and cgroup of each container, and when it was started", true,
     make_container_info_collector, container_info_metrics},
    {"cgroup_cpu", "CPU time, request, limit and throttling, from the cgroups' files", true,
     make_cgroup_cpu_collector, cgroup_cpu_metrics},
    {"cgroup_memory", "memory in use by kind, limit and page faults, from the cgroups' files", true,
     make_cgroup_memory_collector, cgroup_memory_metrics},
    {"cgroup_network", "bytes, packets, errors and drops of each pod's network namespace", true,
     make_cgroup_network_collector, cgroup_network_metrics},
    {"oom", "processes killed for lack of memory, from the cgroups' files", true, make_oom_collector,
     oom_metrics},
    {"cgroup_pressure", "times waited for CPU, memory and I/O (PSI), from the cgroups' files; cgroup v2",
     true, make_cgroup_pressure_collector, cgroup_pressure_metrics},
    {"cgroup_io", "bytes and requests of block I/O, from the cgroups' files; cgroup v2", true,
     make_cgroup_io_collector, cgroup_io_metrics},
    {"cgroup_pids", "processes and threads, and their limit, from the cgroups' files", true,
     make_cgroup_pids_collector, cgroup_pids_metrics},
    {"syscalls", "system calls, mmap calls, files opened (BPF; see --collector.syscalls.mode)", true,
     make_syscalls, syscalls_metrics},
    {"page_faults", "page faults of user and kernel mode (BPF)", true, make_bpf<make_page_faults_collector>,
     page_faults_metrics},
    {"process_events", "processes forked, executed, ended; threads started (BPF)", true,
     make_bpf<make_process_events_collector>, process_events_metrics},
    {"scheduler", "context switches and run-queue delay (BPF)", true, make_bpf<make_scheduler_collector>,
     scheduler_metrics},
    {"block_io", "block requests and bytes by operation (BPF)", true, make_bpf<make_block_io_collector>,
     block_io_metrics},
    {"tcp_retransmits", "TCP segments sent again, of each pod (BPF)", true,
     make_bpf<make_tcp_retransmits_collector>, tcp_retransmits_metrics},
    {"flow_mapping", "which pods' flows ride which of the underlay's, and their RTT there (BPF)", true,
     make_flow_mapping, flow_mapping_metrics},
    {"packet_drops", "packets dropped, of each pod and by the kernel's reason (BPF)", true,
     make_bpf<make_packet_drops_collector>, packet_drops_metrics},
    {"flow_rtt", "round-trip times, request latency, bytes and retransmits of pods and their peers (BPF)",
     true, make_flow_rtt_collector, flow_rtt_metrics},
    {"bpf_self", "what the BPF programs cost and lose", true, make_bpf<make_bpf_self_collector>,
     bpf_self_metrics},
}};

}  // namespace

std::span<const CollectorEntry> collector_table() {
  return kTable;
}

}  // namespace sonde::exporter
