# The control of tests/bench/flow_cost: tc programs that do nothing.
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  sonde_bpf_program(bench_flow_empty SOURCE ${CMAKE_CURRENT_LIST_DIR}/flow_cost/empty.bpf.c)
  add_dependencies(benchmarks bpf_bench_flow_empty_skeleton)
endif()

# Designs at an interface, for packets.py: the exporter's, the paper's and the control.
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  sonde_bpf_program(bench_flow_paper SOURCE ${CMAKE_CURRENT_LIST_DIR}/flow_cost/paper_rtt.bpf.c)
  add_executable(flow_design_at EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/flow_cost/design_at.cpp)
  target_link_libraries(flow_design_at PRIVATE sonde_flags sonde_exporter_flows bpf_bench_flow_empty bpf_bench_flow_paper)
  set_target_properties(flow_design_at PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(benchmarks flow_design_at)
endif()
