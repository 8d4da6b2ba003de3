# Addresses, and what NAT makes of them.
sonde_library(sonde_exporter_addresses
  SOURCES flows/address.cpp flows/mapping/translation_table.cpp
  LINK sonde_common)

# Rows of what the network's flows count; knows the kernel side by its headers alone. Included by CMakeLists.txt.
sonde_library(sonde_exporter_flow_rows
  SOURCES flows/flow_details.cpp flows/flow_pods.cpp flows/flow_rows.cpp flows/flows_request.cpp
          flows/named_networks.cpp flows/peer_table.cpp flows/row_budget.cpp
  ALONE flows/flow_view.cpp
  LINK sonde_common sonde_metrics sonde_exporter_addresses sonde_exporter_rows nlohmann_json::nlohmann_json)

# From the kernel's maps to rows and pages.
sonde_library(sonde_exporter_flow_accounts
  SOURCES flows/flow_accounts.cpp flows/flow_drops.cpp
  ALONE collectors/flow_rtt.cpp
  LINK sonde_exporter_flows sonde_exporter_flow_rows)
