#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/series/label_set.h"
#include "analyzer/series/sample.h"
#include "analyzer/source/source_status.h"
#include "common/result.h"

namespace sonde::analyzer {

/// One label matcher of a selector, as PromQL writes it: name="value", !=, =~ (anchored RE2), !~.
struct Matcher {
  enum class Kind { kEqual, kNotEqual, kMatches, kNotMatches };
  Kind kind = Kind::kEqual;
  std::string name;
  std::string value;
};
using Selector = std::vector<Matcher>;

/// Reads PromQL's selector syntax: `up`, `metric{a="x",b=~"y|z"}`, `{__name__=~"a.*"}`.
/// Errors: kInvalid with the place and what was expected.
Result<Selector> parse_selector(std::string_view text);

/// What to read: all series of any of the selectors, samples in [start_ms, end_ms].
struct ReadQuery {
  std::vector<Selector> selectors;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  /// Grid wanted from a server that only has query_range; 0: the source's own. Remote read returns raw
  /// samples whatever stands here.
  int64_t step_ms = 0;
};

/// Takes one whole series: its labels and its samples, ascending in time, no timestamp twice, clipped to the
/// query's range, staleness markers included as they came. Called once per series and selector order is not
/// kept.
using SeriesSink = std::function<void(const LabelSet&, std::span<const Sample>)>;

/// What a read did; every oddity of the server's reply is counted rather than hidden.
struct ReadStats {
  uint64_t series = 0;
  uint64_t samples = 0;
  uint64_t bytes = 0;
  uint64_t clipped_samples = 0;           ///< outside the range, dropped
  uint64_t duplicate_samples = 0;         ///< same timestamp again; the last one counts
  uint64_t skipped_histogram_chunks = 0;  ///< native histograms (or their samples) are not read yet
  uint64_t skipped_unknown_chunks = 0;    ///< encodings not understood are skipped, never guessed
  double seconds = 0;
};

/// Where samples come from. Threads: safe; an implementation bounds its own concurrency.
class Source {
 public:
  virtual ~Source() = default;

  /// Reads everything the query asks for, or nothing: the sink is called only after the whole reply was
  /// received and verified, so that no verdict rests on half a window.
  virtual Result<ReadStats> read(const ReadQuery& query, const SeriesSink& sink) = 0;

  /// Counters for the program's own metrics.
  [[nodiscard]] virtual SourceStatus status() const { return {}; }
};

}  // namespace sonde::analyzer
