#include "tests/analyzer_source/read_all.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "common/clock.h"
#include "tests/analyzer_source/ten_kinds.h"

namespace sonde::test {

using analyzer::LabelSet;
using analyzer::Sample;

analyzer::Selector selector(std::string_view text) {
  return analyzer::parse_selector(text).value();
}

analyzer::SourceOptions options_for(const std::string& url, analyzer::ReadMode mode) {
  analyzer::SourceOptions options;
  options.url = url;
  options.mode = mode;
  return options;
}

std::string read_all(const analyzer::SourceOptions& options, const analyzer::ReadQuery& query, SeriesMap& out,
                     analyzer::ReadStats* stats) {
  const auto source = make_remote_source(options);
  if (!source) return source.error().message;
  std::string twice;
  const auto read = (*source)->read(query, [&](const LabelSet& labels, std::span<const Sample> samples) {
    const bool added = out.emplace(labels.text(), Samples(samples.begin(), samples.end())).second;
    if (!added) twice = "came twice: " + labels.text();
  });
  if (!read) return read.error().message;
  if (stats != nullptr) *stats = *read;
  return twice;
}

SeriesMap to_map(const std::vector<WrittenSeries>& series) {
  SeriesMap out;
  for (const WrittenSeries& one : series) {
    Samples& samples = out[LabelSet(one.labels).text()];
    for (const WrittenSample& sample : one.samples) samples.push_back({sample.timestamp_ms, sample.value});
  }
  return out;
}

LoadedServer::LoadedServer(int per_kind, int samples, const PrometheusServer::Options& options)
    : server(options), error(server.error()), start_ms(unix_milliseconds_now()), end_ms(start_ms) {
  if (!error.empty()) return;
  const std::vector<WrittenSeries> series = make_ten_kinds(per_kind, samples, end_ms);
  error = server.write(series);
  written = to_map(series);
  for (const auto& [name, one] : written) start_ms = std::min(start_ms, one.front().timestamp_ms);
}

analyzer::ReadQuery LoadedServer::whole(std::string_view text) const {
  return {{selector(text)}, start_ms, end_ms, 0};
}

SeriesMap LoadedServer::expected(const analyzer::ReadQuery& query, bool minus_zero_is_lost) const {
  SeriesMap out;
  for (const auto& [name, samples] : written) {
    for (Sample sample : samples) {
      if (sample.timestamp_ms < query.start_ms || sample.timestamp_ms > query.end_ms) continue;
      if (minus_zero_is_lost && sample.value == 0) sample.value = 0;
      out[name].push_back(sample);
    }
  }
  return out;
}

std::string difference(const Samples& written, const Samples& read) {
  for (size_t i = 0; i < std::min(written.size(), read.size()); ++i) {
    const auto want = std::bit_cast<uint64_t>(written[i].value);
    const auto got = std::bit_cast<uint64_t>(read[i].value);
    if (want == got && written[i].timestamp_ms == read[i].timestamp_ms) continue;
    return fmt::format("sample {}: wrote {:016x} at {}, read {:016x} at {}", i, want, written[i].timestamp_ms,
                       got, read[i].timestamp_ms);
  }
  return written.size() == read.size()
             ? ""
             : fmt::format("wrote {} samples, read {}", written.size(), read.size());
}

std::string difference(const SeriesMap& written, const SeriesMap& read) {
  if (written.size() != read.size())
    return fmt::format("wrote {} series, read {}", written.size(), read.size());
  for (const auto& [name, samples] : written) {
    const auto found = read.find(name);
    if (found == read.end()) return name + " is missing";
    if (const std::string text = difference(samples, found->second); !text.empty()) return name + ": " + text;
  }
  return "";
}

}  // namespace sonde::test
