# Who is who, and the rows of what was counted: pure, so under the sanitizers.
sonde_test(flow_rows_test
  SOURCES flow_pods_test.cpp flow_rows_test.cpp flow_view_test.cpp flows_request_test.cpp named_networks_test.cpp peer_table_test.cpp row_budget_test.cpp
  LINK sonde_exporter_flow_rows
  LABELS unit)

sonde_fuzz(flows_request SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/flows_request.cpp LINK sonde_exporter_flow_rows)

sonde_test(flow_families_test SOURCES flow_families_test.cpp LINK sonde_exporter_flow_accounts sonde_test_support LABELS unit)

sonde_script_test(flows.rows COMMAND python3 tests/flows/rows_test.py LABELS bpf TIMEOUT 300 LOCK flows)
