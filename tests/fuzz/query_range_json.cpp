// An answer of query_range.

#include <cstdint>
#include <cstdlib>

#include "analyzer/source/query_range_reply.h"

using namespace sonde::analyzer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ReadQuery query{{parse_selector("{kind=~\".+\"}").value()}, 0, INT64_MAX / 2, 0};
  SourceBudget budget;
  budget.memory_bytes = 8U << 20;
  MemoryMeter meter(budget.memory_bytes);
  QueryRangeReply reply(query, budget, meter);
  BlockBuffer text(meter);
  if (!text.append({data, size}) || !reply.take_answer(text, 0)) return 0;
  ReadStats stats;
  uint64_t samples_seen = 0;
  const auto sink = [&](const LabelSet&, std::span<const Sample> samples) { samples_seen += samples.size(); };
  if (!reply.finish(stats, sink) && samples_seen != 0) std::abort();
  return 0;
}
