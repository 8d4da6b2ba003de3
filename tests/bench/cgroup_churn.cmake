# The load of tests/bench/cgroup_churn.py.
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  add_executable(cgroup_churn EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/cgroup_churn.cpp)
  target_link_libraries(cgroup_churn PRIVATE sonde_flags)
  target_link_options(cgroup_churn PRIVATE -static)  # fewer pages to copy at each fork
  set_target_properties(cgroup_churn PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(benchmarks cgroup_churn)
endif()
