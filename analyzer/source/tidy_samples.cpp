#include "analyzer/source/tidy_samples.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace sonde::analyzer {
namespace {

/// Sorts by time and keeps, of equal times, the sample that came last; how many remain.
size_t sort_and_deduplicate(std::span<Sample> samples) {
  std::vector<uint32_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](uint32_t left, uint32_t right) {
    const int64_t left_ms = samples[left].timestamp_ms;
    const int64_t right_ms = samples[right].timestamp_ms;
    return left_ms < right_ms || (left_ms == right_ms && left < right);
  });
  const std::vector<Sample> as_they_came(samples.begin(), samples.end());
  size_t kept = 0;
  for (const uint32_t i : order) {
    if (kept > 0 && samples[kept - 1].timestamp_ms == as_they_came[i].timestamp_ms) --kept;
    samples[kept++] = as_they_came[i];
  }
  return kept;
}

}  // namespace

bool strictly_ascending(std::span<const Sample> samples) {
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].timestamp_ms <= samples[i - 1].timestamp_ms) return false;
  }
  return true;
}

std::span<Sample> tidy_samples(std::span<Sample> samples, int64_t start_ms, int64_t end_ms,
                               TidyCounts& counts) {
  if (!strictly_ascending(samples)) {  // rare: chunks that overlap
    const size_t kept = sort_and_deduplicate(samples);
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
