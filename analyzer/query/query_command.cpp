#include "analyzer/query/query_command.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/query/csv.h"
#include "analyzer/query/query_options.h"
#include "analyzer/series/frame_builder.h"

namespace sonde::analyzer {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr size_t kOutputBytes = 64 * 1024;

/// Standard output through a buffer of our own.
class Output {
 public:
  std::string& text() { return text_; }
  void flush_if_full() {
    if (text_.size() >= kOutputBytes) flush();
  }
  /// False where anything could not be written.
  bool flush() {
    good_ = good_ && std::fwrite(text_.data(), 1, text_.size(), stdout) == text_.size() &&
            std::fflush(stdout) == 0;
    text_.clear();
    return good_;
  }

 private:
  std::string text_{kCsvHeader};
  bool good_ = true;
};

Result<void> print_samples(Source& source, const QueryOptions& options, Output& output) {
  std::vector<std::pair<std::string, std::vector<Sample>>> series;
  const Result<ReadStats> stats =
      source.read(options.query, [&](const LabelSet& labels, std::span<const Sample> samples) {
        series.emplace_back(labels.text(), std::vector<Sample>(samples.begin(), samples.end()));
      });
  if (!stats) return tl::unexpected(stats.error());
  std::ranges::sort(series, {}, &std::pair<std::string, std::vector<Sample>>::first);
  for (const auto& [name, samples] : series) {
    append_csv(output.text(), csv_field(name), samples);
    output.flush_if_full();
  }
  return {};
}

Result<void> print_frame(Source& source, const QueryOptions& options, Output& output) {
  const Grid grid = Grid::covering(options.query.start_ms, options.query.end_ms, options.step_ms);
  FrameBuilder builder(grid, options.rate ? SeriesKind::kCounter : SeriesKind::kGauge, options.lookback_ms);
  ReadQuery query = options.query;
  query.start_ms -= options.lookback_ms + options.step_ms;  // what the first cells stand on
  const size_t most_rows = options.source.budget.memory_bytes / (grid.columns * sizeof(double));
  size_t rows_read = 0;
  const Result<ReadStats> stats =
      source.read(query, [&](const LabelSet& labels, std::span<const Sample> samples) {
        if (++rows_read <= most_rows) builder.add(labels, samples);
      });
  if (!stats) return tl::unexpected(stats.error());
  if (rows_read > most_rows) {
    return fail(ErrorCode::kLimit, "--memory: " + std::to_string(rows_read) + " series of " +
                                       std::to_string(grid.columns) +
                                       " columns do not fit; raise it, or take a larger --step");
  }

  const Frame frame = builder.take();
  std::vector<std::pair<std::string, size_t>> rows;
  rows.reserve(frame.rows());
  for (size_t r = 0; r < frame.rows(); ++r) rows.emplace_back(frame.series[r].text(), r);
  std::ranges::sort(rows);
  for (const auto& [name, row] : rows) {
    const std::string field = csv_field(name);
    for (size_t c = 0; c < frame.columns; ++c) {
      append_csv_cell(output.text(), field, frame.time_ms(c), frame.row(row)[c]);
    }
    output.flush_if_full();
  }
  return {};
}

int complain(const std::string& message, int exit_code) {
  std::fprintf(stderr, "sonde-analyzer query: %s\n", message.c_str());
  return exit_code;
}

}  // namespace

int query_main(int argc, char** argv) {
  // OpenSSL writes to a connection that is gone without MSG_NOSIGNAL: that must be an error with words.
  std::signal(SIGPIPE, SIG_IGN);
  Result<QueryOptions> options = parse_query_options(argc, argv);
  if (!options && options.error().code == ErrorCode::kNotFound) {
    std::fputs(options.error().message.c_str(), stdout);
    return kExitOk;
  }
  if (!options) return complain(options.error().message, kExitUsage);
  Result<std::unique_ptr<Source>> source = make_remote_source(options->source);
  if (!source) return complain(source.error().message, kExitUsage);

  Output output;
  const Result<void> printed = options->step_ms > 0 ? print_frame(**source, *options, output)
                                                    : print_samples(**source, *options, output);
  if (!printed) return complain(printed.error().message, kExitFailed);
  return output.flush() ? kExitOk : complain("cannot write to standard output", kExitFailed);
}

}  // namespace sonde::analyzer
