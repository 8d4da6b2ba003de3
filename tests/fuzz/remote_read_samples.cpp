// A SAMPLES reply: as it comes (Snappy and all), and as the message within.

#include <snappy.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "analyzer/source/samples_reply.h"

using namespace sonde::analyzer;

namespace {

void read(std::string_view body) {
  const ReadQuery query{{parse_selector("{kind=~\".+\"}").value()}, 0, INT64_MAX / 2, 0};
  SourceBudget budget;
  budget.memory_bytes = 8U << 20;
  MemoryMeter meter(budget.memory_bytes);
  SamplesReply reply(query, budget, meter);
  if (!reply.take({reinterpret_cast<const uint8_t*>(body.data()), body.size()})) return;
  ReadStats stats;
  uint64_t samples_seen = 0;
  const auto sink = [&](const LabelSet&, std::span<const Sample> samples) { samples_seen += samples.size(); };
  if (!reply.finish(stats, sink) && samples_seen != 0) std::abort();
  if (stats.samples != samples_seen) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  read(input);
  std::string compressed;
  snappy::Compress(input.data(), input.size(), &compressed);
  read(compressed);
  return 0;
}
