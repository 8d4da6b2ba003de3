# Traces of chosen connections; included by CMakeLists.txt.
sonde_library(sonde_exporter_tracing
  SOURCES
    flows/tracing/byte_ranges.cpp flows/tracing/culprits.cpp flows/tracing/pairing.cpp flows/tracing/stage.cpp
    flows/tracing/trace_programs.cpp flows/tracing/trace_targets.cpp flows/tracing/tracer.cpp
    flows/tracing/verdict.cpp flows/tracing/waits.cpp flows/tracing/write_limits.cpp
  ALONE
    flows/tracing/trace_json.cpp flows/tracing/trace_metrics.cpp flows/tracing/trace_pages.cpp
    flows/tracing/trace_request.cpp flows/tracing/trace_trigger.cpp flows/tracing/trigger_rules.cpp
  LINK sonde_common sonde_http sonde_metrics sonde_identity sonde_exporter_bpf sonde_exporter_flows sonde_exporter_flow_rows
       bpf_packet_trace
       nlohmann_json::nlohmann_json)
