# From pods' flows to the underlay's, and NAT; included by CMakeLists.txt.
sonde_library(sonde_exporter_translations
  SOURCES
    flows/mapping/conntrack_message.cpp flows/mapping/conntrack_source.cpp
    flows/mapping/in_network_namespace.cpp
  LINK sonde_common sonde_exporter_addresses sonde_exporter_flows sonde_network)

sonde_library(sonde_exporter_mapping
  SOURCES
    flows/mapping/mapping_words.cpp flows/mapping/default_routes.cpp flows/mapping/mapping_page.cpp
    flows/mapping/mapping_programs.cpp flows/mapping/own_addresses.cpp flows/mapping/path_rows.cpp flows/mapping/pod_addresses.cpp
    flows/mapping/underlay_interfaces.cpp
  ALONE
    flows/mapping/flow_mapping.cpp collectors/flow_mapping.cpp
  LINK sonde_common sonde_metrics sonde_http sonde_exporter_bpf sonde_exporter_flows sonde_exporter_translations
    nlohmann_json::nlohmann_json bpf_flow_mapping)
