# What the exporter knows of its containers' connections; included by CMakeLists.txt.
sonde_library(sonde_exporter_flows
  SOURCES
    flows/attached_interfaces.cpp flows/clsact_filters.cpp flows/container_namespaces.cpp flows/flow_alerts.cpp
    flows/flow_monitor.cpp flows/flow_programs.cpp flows/flow_table.cpp flows/flow_worker.cpp flows/interface_plan.cpp flows/links.cpp
    flows/map_batches.cpp flows/pair_shares.cpp flows/pair_table.cpp flows/tc_attachment.cpp
  ALONE
    flows/flow_interfaces.cpp
  LINK sonde_common sonde_network sonde_exporter_bpf sonde_metrics PkgConfig::libbpf bpf_flow_rtt)
