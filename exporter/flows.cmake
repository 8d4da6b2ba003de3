# What the exporter knows of its containers' connections; included by CMakeLists.txt.
sonde_library(sonde_exporter_flows
  SOURCES flows/flow_alerts.cpp flows/flow_programs.cpp flows/flow_table.cpp flows/map_batches.cpp flows/pair_table.cpp
  LINK sonde_common sonde_exporter_bpf PkgConfig::libbpf bpf_flow_rtt)
