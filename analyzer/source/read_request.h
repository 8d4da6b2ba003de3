#pragma once

#include <string>

#include "analyzer/source/http_client.h"
#include "analyzer/source/source.h"
#include "analyzer/source/source_options.h"

namespace sonde::analyzer {

/// The remote-read request for a query: protobuf in a Snappy block. REQUIRES: mode is kSamples or kChunks;
/// kChunks accepts SAMPLES too, for servers that do not stream.
/// Source: Prometheus, prompb/remote.proto; documentation, "Remote Read API".
HttpRequest make_read_request(const ReadQuery& query, ReadMode mode);

}  // namespace sonde::analyzer
