#include "analyzer/source/tidy_samples.h"

#include <algorithm>

namespace sonde::analyzer {
namespace {

bool earlier(const Sample& left, const Sample& right) {
  return left.timestamp_ms < right.timestamp_ms;
}

bool strictly_ascending(std::span<const Sample> samples) {
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].timestamp_ms <= samples[i - 1].timestamp_ms) return false;
  }
  return true;
}

}  // namespace

std::span<Sample> tidy_samples(std::span<Sample> samples, int64_t start_ms, int64_t end_ms,
                               TidyCounts& counts) {
  if (!strictly_ascending(samples)) {  // rare: chunks that overlap
    std::ranges::stable_sort(samples, earlier);
    size_t kept = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
      if (i + 1 < samples.size() && samples[i + 1].timestamp_ms == samples[i].timestamp_ms) continue;
      samples[kept++] = samples[i];
    }
    counts.duplicates += samples.size() - kept;
    samples = samples.first(kept);
  }
  const auto before = [](const Sample& sample, int64_t time_ms) { return sample.timestamp_ms < time_ms; };
  const auto after = [](int64_t time_ms, const Sample& sample) { return time_ms < sample.timestamp_ms; };
  const auto first = std::lower_bound(samples.begin(), samples.end(), start_ms, before);
  const auto last = std::upper_bound(first, samples.end(), end_ms, after);
  const std::span<Sample> within(first, last);
  counts.clipped += samples.size() - within.size();
  return within;
}

}  // namespace sonde::analyzer
