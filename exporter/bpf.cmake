# The collectors that count in the kernel; included by CMakeLists.txt.
sonde_library(sonde_exporter_bpf
  SOURCES capability.cpp
  LINK sonde_common sonde_metrics bpf_headers)
