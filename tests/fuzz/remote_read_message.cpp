// One message of a streamed reply without its checksum, which a fuzzer would seldom get right.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "analyzer/source/chunked_reply.h"
#include "analyzer/source/crc32c.h"

using namespace sonde::analyzer;

namespace {

/// The message as a frame.
std::vector<uint8_t> frame_of(std::span<const uint8_t> message) {
  std::vector<uint8_t> frame;
  size_t length = message.size();
  for (; length >= 0x80; length >>= 7) frame.push_back(static_cast<uint8_t>(length | 0x80));
  frame.push_back(static_cast<uint8_t>(length));
  const uint32_t checksum = crc32c(message);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) frame.push_back(static_cast<uint8_t>(checksum >> shift));
  frame.insert(frame.end(), message.begin(), message.end());
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ReadQuery query{
      {parse_selector("{kind=~\".+\"}").value(), parse_selector("up").value()}, -1000, 1'700'000'000'000, 0};
  SourceBudget budget;
  budget.memory_bytes = 8U << 20;
  MemoryMeter meter(budget.memory_bytes);
  ChunkedReply reply(query, budget, meter);
  // Twice: the second time the series continues, and every sample repeats.
  const std::vector<uint8_t> frame = frame_of({data, size});
  if (!reply.take(frame) || !reply.take(frame)) return 0;
  ReadStats stats;
  uint64_t samples_seen = 0;
  const auto sink = [&](const LabelSet&, std::span<const Sample> samples) {
    for (size_t i = 1; i < samples.size(); ++i) {
      if (samples[i].timestamp_ms <= samples[i - 1].timestamp_ms) std::abort();
    }
    samples_seen += samples.size();
  };
  if (!reply.finish(stats, sink) && samples_seen != 0) std::abort();
  if (stats.samples != samples_seen) std::abort();
  return 0;
}
