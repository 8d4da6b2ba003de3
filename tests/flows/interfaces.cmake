# Programs at the interfaces of containers, in network namespaces of the test's own. Run as root.
sonde_bpf_program(count_datagrams SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/count_datagrams.bpf.c)

sonde_test(flow_interfaces_test
  SOURCES support/namespaces.cpp support/counting_programs.cpp flow_interfaces_test.cpp
          interface_churn_test.cpp tc_attachment_test.cpp
  LINK sonde_exporter_flows sonde_exporter_addresses sonde_exporter_bpf sonde_test_bpf_support bpf_count_datagrams
  LABELS bpf)

# Not of the label bpf, whose tests run in the release build alone.
sonde_test(flow_threads_test
  SOURCES support/namespaces.cpp support/counting_programs.cpp flow_threads_test.cpp
  LINK sonde_exporter_flow_accounts sonde_exporter_tracing sonde_test_support bpf_count_datagrams
  LABELS threads)

# The whole exporter, once it has the collector that attaches them.
if(EXISTS ${CMAKE_SOURCE_DIR}/exporter/collectors/flow_rtt.cpp)
  sonde_script_test(flows.attach COMMAND python3 tests/flows/attach_test.py LABELS bpf TIMEOUT 120 LOCK flows)
endif()
