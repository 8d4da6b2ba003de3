#pragma once

#include <vector>

#include "analyzer/source/frame_parser.h"
#include "analyzer/source/held_reply.h"
#include "analyzer/source/reply_reader.h"

namespace sonde::analyzer {

/// Reads a STREAMED_XOR_CHUNKS reply: frames of ChunkedReadResponse, kept compressed until all of them came.
/// Source: Prometheus, prompb/remote.proto and types.proto.
class ChunkedReply : public ReplyReader {
 public:
  /// All three must outlive it.
  ChunkedReply(const ReadQuery& query, const SourceBudget& budget, MemoryMeter& meter);

  Outcome<void> take(std::span<const uint8_t> bytes) override { return parser_.take(bytes); }
  Outcome<void> finish(ReadStats& stats, const SeriesSink& sink) override;

 private:
  Outcome<void> take_frame(FrameBytes frame);
  Outcome<void> take_series(std::span<const uint8_t> message, size_t selector);
  Outcome<void> take_chunk(std::span<const uint8_t> message);

  MemoryMeter& meter_;
  HeldReply held_;
  FrameParser parser_;
  std::vector<FrameBytes> frames_;
  std::vector<LabelView> labels_;  ///< of the series that is read, kept for its storage
  std::vector<SamplePart> parts_;  ///< likewise
  uint64_t histogram_chunks_ = 0;
  uint64_t unknown_chunks_ = 0;
};

/// Labels of one series; more are malformed. Prometheus sets no limit, but no one comes near it.
inline constexpr size_t kMostLabels = 200;

/// Appends what a Label message holds, in any of the replies. False where it is malformed.
bool read_label(std::span<const uint8_t> message, std::vector<LabelView>& labels);

}  // namespace sonde::analyzer
