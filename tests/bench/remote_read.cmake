# Reading from Prometheus: decoding on one core, and the whole way into a frame.
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  sonde_benchmark(remote_read_decode SOURCES remote_read_decode.cpp LINK sonde_test_loaded_server)
  add_executable(remote_read_end_to_end EXCLUDE_FROM_ALL remote_read_end_to_end.cpp)
  target_link_libraries(remote_read_end_to_end PRIVATE sonde_flags sonde_test_loaded_server)
  set_target_properties(remote_read_end_to_end PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(benchmarks remote_read_end_to_end)
endif()
