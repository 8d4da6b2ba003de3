# Reading and aligning series: analyzer/series, analyzer/source and the `query` subcommand.
sonde_library(sonde_series
  SOURCES series/align.cpp series/frame_builder.cpp series/identity_labels.cpp series/label_set.cpp
  LINK sonde_common)

set(remote_read_proto ${CMAKE_CURRENT_SOURCE_DIR}/proto/remote_read.proto)
set(remote_read_generated ${CMAKE_BINARY_DIR}/generated/analyzer/proto/remote_read.pb)
add_custom_command(OUTPUT ${remote_read_generated}.cc ${remote_read_generated}.h
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
  COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR} --cpp_out=${CMAKE_BINARY_DIR}/generated
          ${remote_read_proto}
  DEPENDS ${remote_read_proto} COMMENT "protobuf remote_read" VERBATIM)
# Generated code is not ours to lint: its own library, without the project's warnings.
add_library(sonde_proto STATIC ${remote_read_generated}.cc)
target_include_directories(sonde_proto SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(sonde_proto PUBLIC protobuf::libprotobuf-lite)

sonde_library(sonde_source
  SOURCES source/chunked_reply.cpp source/crc32c.cpp source/credentials.cpp source/fault.cpp
          source/frame_parser.cpp source/guarded_stream.cpp source/held_reply.cpp source/http_client.cpp
          source/query_range_reply.cpp source/query_range_request.cpp source/read_request.cpp
          source/remote_source.cpp source/reply_text.cpp source/selector.cpp source/tidy_samples.cpp
          source/utf8.cpp source/xor_chunk.cpp
  ALONE source/endpoint.cpp source/samples_reply.cpp
  LINK sonde_series sonde_common sonde_proto sonde_httplib Snappy::snappy nlohmann_json::nlohmann_json)

sonde_library(sonde_query
  SOURCES query/csv.cpp query/query_command.cpp query/query_options.cpp query/time_argument.cpp
  LINK sonde_source sonde_series sonde_help sonde_common CLI11::CLI11 fmt::fmt)
