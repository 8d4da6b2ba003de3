#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/source/source_options.h"
#include "tests/support/prometheus_server.h"

namespace sonde::test {

using Samples = std::vector<analyzer::Sample>;
/// Series by their canonical text.
using SeriesMap = std::map<std::string, Samples>;

analyzer::Selector selector(std::string_view text);

/// Options for a server, all else as it is by default.
analyzer::SourceOptions options_for(const std::string& url, analyzer::ReadMode mode);

/// Reads all that the query asks for; the error's text where that fails, else "".
std::string read_all(const analyzer::SourceOptions& options, const analyzer::ReadQuery& query, SeriesMap& out,
                     analyzer::ReadStats* stats = nullptr);

/// Written series as the analyzer would name them.
SeriesMap to_map(const std::vector<WrittenSeries>& series);

/// Debian's Prometheus with series of ten kinds in it, which end now.
struct LoadedServer {
  LoadedServer(int per_kind, int samples, const PrometheusServer::Options& options = {});

  /// A query for the whole time of the data.
  [[nodiscard]] analyzer::ReadQuery whole(std::string_view text = "sonde_test_data") const;
  /// What was written, within the query's range. `minus_zero_is_lost`: with 0 for -0, as Prometheus's
  /// protobuf encoder takes -0 for the default value and leaves it out of SAMPLES.
  [[nodiscard]] SeriesMap expected(const analyzer::ReadQuery& query, bool minus_zero_is_lost) const;

  PrometheusServer server;
  std::string error;  ///< why it is not loaded, else ""
  SeriesMap written;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
};

/// The first difference, in time or in any bit of a value, as text for people; "" where there is none.
std::string difference(const Samples& written, const Samples& read);
std::string difference(const SeriesMap& written, const SeriesMap& read);

}  // namespace sonde::test
