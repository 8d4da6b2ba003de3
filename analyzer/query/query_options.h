#pragma once

#include <cstdint>
#include <string>

#include "analyzer/source/source.h"
#include "analyzer/source/source_options.h"

namespace sonde::analyzer {

/// What the command line of `query` asks for.
struct QueryOptions {
  SourceOptions source;
  ReadQuery query;
  int64_t step_ms = 0;  ///< 0: raw samples, else a frame
  int64_t lookback_ms = 0;
  bool rate = false;  ///< the frame holds rates of counters
};

/// Reads the command line. Errors: kInvalid, in one line, with the flag and the remedy; kNotFound where only
/// help was asked for, with the help as its message.
Result<QueryOptions> parse_query_options(int argc, char** argv);

}  // namespace sonde::analyzer
