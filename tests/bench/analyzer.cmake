sonde_benchmark(analyzer_algorithms_bench
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/analyzer_algorithms.cpp LINK sonde_analyzer_algorithms)
sonde_benchmark(analyzer_tick_bench
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/analyzer_tick.cpp LINK sonde_analyzer_pipeline)
sonde_benchmark(analyzer_classes_bench
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/analyzer_classes.cpp LINK sonde_analyzer_detectors)
