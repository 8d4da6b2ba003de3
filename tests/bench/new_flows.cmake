# The load of tests/bench/new_flows.py.
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  add_executable(new_flows EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/new_flows.cpp)
  target_link_libraries(new_flows PRIVATE sonde_flags)
  set_target_properties(new_flows PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(benchmarks new_flows)
endif()
