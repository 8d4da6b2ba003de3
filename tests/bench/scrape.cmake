# Serving a page of 20,000 series, beside prometheus-cpp's serialiser and exposer.
sonde_library(scrape_page SOURCES ${CMAKE_CURRENT_LIST_DIR}/scrape_page.cpp LINK sonde_metrics)
set_target_properties(scrape_page PROPERTIES EXCLUDE_FROM_ALL ON)
sonde_benchmark(scrape_benchmark
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/scrape_benchmark.cpp
  LINK scrape_page sonde_http sonde_registry PkgConfig::prometheus_cpp ZLIB::ZLIB)
if(NOT SONDE_FUZZ AND NOT SONDE_SANITIZERS)
  pkg_check_modules(prometheus_cpp_pull REQUIRED IMPORTED_TARGET prometheus-cpp-pull)
  add_executable(scrape_server EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/scrape_server.cpp)
  target_link_libraries(scrape_server PRIVATE sonde_flags scrape_page sonde_http PkgConfig::prometheus_cpp_pull)
  set_target_properties(scrape_server PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(benchmarks scrape_server)
endif()
