#include "analyzer/training/build_dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "analyzer/detectors/service_features.h"
#include "analyzer/pipeline/series_window.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kFrameColumns = 8;  ///< only the newest is read; a dead series is forgotten after so many

}  // namespace

Result<Dataset> build_dataset(Source& source, const MetricMapper& mapper, const DatasetOptions& options) {
  const int64_t step = options.step_ms;
  SeriesWindow window(mapper, step, kFrameColumns);
  FaultTimeline timeline(step);
  DatasetBuilder builder;
  ReadQuery query;
  query.selectors = mapper.selectors();
  std::ranges::move(FaultTimeline::selectors(), std::back_inserter(query.selectors));
  query.step_ms = step;
  query.start_ms = options.from_ms - 3 * step;  // the first rates stand on what was before
  while (query.start_ms <= options.to_ms) {
    query.end_ms = std::min(query.start_ms + std::max(options.part_ms, 20 * step), options.to_ms);
    const Result<ReadStats> read =
        source.read(query, [&](const LabelSet& labels, std::span<const Sample> samples) {
          if (!timeline.ingest(labels, samples)) window.ingest(labels, samples);
        });
    if (!read) return tl::unexpected(read.error());
    // A column at the part's end may get more samples from the next part.
    const bool last = query.end_ms == options.to_ms;
    const int64_t until = last ? options.to_ms : query.end_ms - 2 * step;
    while (const std::optional<int64_t> column = window.complete_column(query.end_ms + 2 * step)) {
      const int64_t time_ms = window.time_ms(*column);
      if (time_ms > until) break;
      window.advance(*column);
      if (time_ms < options.from_ms) continue;
      const WindowFrames& frames = window.frames();
      // A rate may reach back to the begin of the column before; further where a scrape was missed.
      builder.add(time_ms, std::min(time_ms - 2 * step, window.reaches_back_to_ms()),
                  service_features(frames.entities, frames.containers, options.name_space));
    }
    query.start_ms = query.end_ms + 1;
  }
  Dataset dataset = builder.finish(timeline, options.settle_ms, options.presence, options.name_space);
  dataset.knows_faults = timeline.knows_faults();
  if (!dataset.ambiguous.empty()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("several namespaces have a service {}; choose one by --namespace",
                            fmt::join(dataset.ambiguous, ", ")));
  }
  if (dataset.times_ms.empty() || dataset.table.columns.empty()) {
    std::string left_out =
        "no column was complete; is anything of metric_map stored between --from and --to?";
    if (std::ranges::any_of(dataset.left_out, [](const auto& reason) { return reason.second > 0; })) {
      left_out = "all were left out:";
      for (const auto& [why, count] : dataset.left_out) {
        if (count > 0) left_out += fmt::format(" {} {};", count, left_out_text(why));
      }
    }
    return fail(ErrorCode::kNotFound, "no row is left: " + left_out);
  }
  return dataset;
}

std::string dataset_summary(const Dataset& dataset, bool asks_for_faults) {
  std::map<std::string, size_t> rows;
  for (const std::string& label : dataset.table.labels) ++rows[label];
  std::string text = fmt::format("{} rows, {} features, {} labels\n", dataset.times_ms.size(),
                                 dataset.table.columns.size(), rows.size());
  const auto out = std::back_inserter(text);
  for (const auto& [label, count] : rows) fmt::format_to(out, "  {:>7}  {}\n", count, label);
  if (asks_for_faults && !dataset.knows_faults) {
    text +=
        "no sonde_fault_in_place between --from and --to, so that every row counts as normal: is "
        "sonde-inject scraped (a job for its port, 9758), and was anything injected then?\n";
  }
  text += "left out\n";
  for (const auto& [why, count] : dataset.left_out)
    fmt::format_to(out, "  {:>7}  {}\n", count, left_out_text(why));
  if (!dataset.dropped.empty()) {
    fmt::format_to(out, "features that too few rows have: {}\n", fmt::join(dataset.dropped, ", "));
  }
  return text;
}

}  // namespace sonde::analyzer
