# The control of tests/bench/flow_cost: tc programs that do nothing.
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  sonde_bpf_program(bench_flow_empty SOURCE ${CMAKE_CURRENT_LIST_DIR}/flow_cost/empty.bpf.c)
  add_dependencies(benchmarks bpf_bench_flow_empty_skeleton)
endif()
