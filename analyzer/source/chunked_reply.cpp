#include "analyzer/source/chunked_reply.h"

#include "analyzer/source/wire_reader.h"
#include "analyzer/source/xor_chunk.h"

namespace sonde::analyzer {
namespace {

/// prompb.Chunk.Encoding as of Prometheus 2.42; later ones only added numbers.
enum Encoding : uint64_t { kXor = 1, kHistogram = 2, kFloatHistogram = 3 };

/// A count of samples, a varint and a value: the shortest chunk with a sample in it.
constexpr size_t kShortestChunk = 2 + 1 + 8;
/// Of one series in one frame; far above any server's, and what keeps a hostile frame from growing in memory.
constexpr size_t kMostChunks = 200'000;

bool decode_part(const SamplePart& part, std::span<Sample> out) {
  return decode_xor_chunk(part.bytes, out);
}

tl::unexpected<Fault> malformed(const char* message_name) {
  return fault(FaultKind::kMalformed, std::string("the reply holds a malformed ") + message_name);
}

}  // namespace

bool read_label(std::span<const uint8_t> message, std::vector<LabelView>& labels) {
  if (labels.size() == kMostLabels) return false;
  LabelView& label = labels.emplace_back();
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number == 1 && field.type == WireField::kBytes) label.name = field.text();
    if (field.number == 2 && field.type == WireField::kBytes) label.value = field.text();
  }
  return !reader.failed();
}

ChunkedReply::ChunkedReply(const ReadQuery& query, const SourceBudget& budget, MemoryMeter& meter)
    : meter_(meter),
      held_(query, budget, meter),
      parser_(meter, [this](FrameBytes frame) { return take_frame(std::move(frame)); }) {}

Outcome<void> ChunkedReply::finish(ReadStats& stats, const SeriesSink& sink) {
  if (Outcome<void> complete = parser_.finish(); !complete) return complete;
  stats.skipped_histogram_chunks += histogram_chunks_;
  stats.skipped_unknown_chunks += unknown_chunks_;
  return held_.deliver(decode_part, stats, sink);
}

Outcome<void> ChunkedReply::take_frame(FrameBytes frame) {
  constexpr size_t kBookkeeping = 2 * sizeof(FrameBytes) + 2 * sizeof(void*);  // and the allocator's header
  if (!meter_.take(kBookkeeping)) {
    return fault(FaultKind::kTooLarge, "the reply has more frames than the budget of one read has room for");
  }
  frames_.push_back(std::move(frame));
  const std::span<const uint8_t> message = frames_.back().span();

  uint64_t selector = 0;  // told after the series that answer it
  WireReader fields(message);
  for (WireField field; fields.next(field);) {
    if (field.number == 2 && field.type == WireField::kVarint) selector = field.value;
  }
  if (fields.failed()) return malformed("ChunkedReadResponse");
  WireReader series(message);
  for (WireField field; series.next(field);) {
    if (field.number != 1 || field.type != WireField::kBytes) continue;
    if (Outcome<void> taken = take_series(field.bytes, selector); !taken) return taken;
  }
  return {};
}

Outcome<void> ChunkedReply::take_series(std::span<const uint8_t> message, size_t selector) {
  labels_.clear();
  parts_.clear();
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.type != WireField::kBytes) continue;
    if (field.number == 1) {
      if (!read_label(field.bytes, labels_)) return malformed("Label");
    } else if (field.number == 2) {
      if (Outcome<void> chunk = take_chunk(field.bytes); !chunk) return chunk;
    }
  }
  if (reader.failed()) return malformed("ChunkedSeries");
  return held_.add(selector, labels_, parts_);
}

Outcome<void> ChunkedReply::take_chunk(std::span<const uint8_t> message) {
  uint64_t encoding = 0;
  std::span<const uint8_t> data;
  WireReader reader(message);
  for (WireField field; reader.next(field);) {
    if (field.number == 3 && field.type == WireField::kVarint) encoding = field.value;
    if (field.number == 4 && field.type == WireField::kBytes) data = field.bytes;
  }
  if (reader.failed()) return malformed("Chunk");
  if (encoding == kXor) {
    const size_t samples = xor_sample_count(data);
    if (data.size() < (samples > 0 ? kShortestChunk : 2) || parts_.size() == kMostChunks) {
      return malformed("XOR chunk");
    }
    if (samples > 0) parts_.push_back({data, static_cast<uint32_t>(samples)});
  } else if (encoding == kHistogram || encoding == kFloatHistogram) {
    ++histogram_chunks_;
  } else {
    ++unknown_chunks_;
  }
  return {};
}

}  // namespace sonde::analyzer
