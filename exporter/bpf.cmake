# The collectors that count in the kernel; included by CMakeLists.txt.
sonde_library(sonde_exporter_bpf
  SOURCES
    capability.cpp process_capabilities.cpp bpf_context.cpp bpf_program.cpp bpf_map.cpp bpf_topic.cpp
    bpf_cgroup_events.cpp drop_reasons.cpp row_accounts.cpp scaled_counts.cpp
  ALONE
    collectors/syscalls.cpp collectors/syscall_sampler.cpp collectors/page_faults.cpp
    collectors/process_events.cpp collectors/scheduler.cpp collectors/block_io.cpp
    collectors/tcp_retransmits.cpp collectors/packet_drops.cpp collectors/bpf_self.cpp
  LINK sonde_common sonde_metrics sonde_identity sonde_exporter_rows PkgConfig::libbpf PkgConfig::libcap
    bpf_syscalls bpf_page_faults bpf_process_events bpf_scheduler bpf_block_io bpf_tcp_retransmits
    bpf_packet_drops
    bpf_cgroup_events)
