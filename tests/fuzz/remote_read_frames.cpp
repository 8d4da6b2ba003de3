// A streamed remote-read reply, from the first byte to the sink; the first input byte cuts it into pieces.

#include <cstdint>
#include <cstdlib>

#include "analyzer/source/chunked_reply.h"

using namespace sonde::analyzer;

namespace {

/// What Source promises of what reaches the sink.
void check(const ReadQuery& query, const LabelSet& labels, std::span<const Sample> samples) {
  if (samples.empty() || LabelSet(labels.pairs()) != labels) std::abort();
  int64_t last_ms = query.start_ms - 1;
  for (const Sample& sample : samples) {
    if (sample.timestamp_ms <= last_ms || sample.timestamp_ms > query.end_ms) std::abort();
    last_ms = sample.timestamp_ms;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ReadQuery query{{parse_selector("{kind=~\".+\"}").value()}, 0, INT64_MAX / 2, 0};
  SourceBudget budget;
  budget.memory_bytes = 8U << 20;
  MemoryMeter meter(budget.memory_bytes);
  ChunkedReply reply(query, budget, meter);
  const size_t piece = data[0] == 0 ? size : data[0];
  for (std::span<const uint8_t> rest(data + 1, size - 1); !rest.empty();) {
    const std::span<const uint8_t> next = rest.first(std::min(piece, rest.size()));
    if (!reply.take(next)) return 0;
    rest = rest.subspan(next.size());
  }
  ReadStats stats;
  const auto sink = [&](const LabelSet& labels, std::span<const Sample> samples) {
    check(query, labels, samples);
  };
  if (!reply.finish(stats, sink) && stats.series != 0) std::abort();
  if (meter.used_bytes() > budget.memory_bytes) std::abort();
  return 0;
}
