#pragma once

#include <deque>
#include <string>
#include <vector>

#include "analyzer/source/block_buffer.h"
#include "analyzer/source/held_reply.h"
#include "analyzer/source/http_client.h"
#include "analyzer/source/reply_reader.h"

namespace sonde::analyzer {

/// One series of a query_range answer.
struct MatrixSeries {
  std::vector<LabelSet::Pair> labels;
  std::vector<Sample> samples;
};

/// Gathers the answers of query_range (one for each selector and piece of the window) and then delivers them
/// like any other reply. The values lie on the query's grid, carried forward by the server up to its lookback
/// (5 minutes unless set otherwise); staleness markers and NaN payloads do not come through.
///
/// Threads: one.
/// Source: Prometheus, documentation, HTTP API, "Range queries".
class QueryRangeReply {
 public:
  /// All three must outlive it.
  QueryRangeReply(const ReadQuery& query, const SourceBudget& budget, MemoryMeter& meter)
      : meter_(meter), held_(query, budget, meter) {}

  /// Reads one answer, which is used up. Errors: kMalformed, kTooLarge, kServerError where the server says
  /// that it failed or warns that the answer is partial.
  Outcome<void> take_answer(BlockBuffer& json, size_t selector);

  /// Hands everything to the sink.
  Outcome<void> finish(ReadStats& stats, const SeriesSink& sink);

 private:
  MemoryMeter& meter_;
  HeldReply held_;
  std::deque<MatrixSeries> series_;  ///< held_ refers to them
};

/// The requests for one selector: several where the window has more points than a server allows (11,000).
std::vector<HttpRequest> make_query_range_requests(const Selector& selector, int64_t start_ms, int64_t end_ms,
                                                   int64_t step_ms);

}  // namespace sonde::analyzer
