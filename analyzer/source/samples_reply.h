#pragma once

#include <memory>
#include <vector>

#include "analyzer/source/block_buffer.h"
#include "analyzer/source/held_reply.h"
#include "analyzer/source/reply_reader.h"

namespace sonde::analyzer {

/// Reads a SAMPLES reply: one Snappy block with one ReadResponse, which can only be looked at when it is
/// there as a whole. The length that the block declares is checked against the budget before it is allocated.
/// Source: Prometheus, prompb/remote.proto; Snappy, format_description.txt.
class SamplesReply : public ReplyReader {
 public:
  /// All three must outlive it.
  SamplesReply(const ReadQuery& query, const SourceBudget& budget, MemoryMeter& meter)
      : meter_(meter), compressed_(meter), held_(query, budget, meter) {}

  Outcome<void> take(std::span<const uint8_t> bytes) override;
  Outcome<void> finish(ReadStats& stats, const SeriesSink& sink) override;

 private:
  Outcome<void> uncompress();
  Outcome<void> take_response();
  Outcome<void> take_result(std::span<const uint8_t> message, size_t selector);
  Outcome<void> take_series(std::span<const uint8_t> message, size_t selector);

  MemoryMeter& meter_;
  BlockBuffer compressed_;
  HeldReply held_;
  std::unique_ptr<uint8_t[]> message_;
  size_t message_size_ = 0;
  std::vector<LabelView> labels_;  ///< of the series that is read, kept for its storage
  uint64_t histograms_ = 0;
};

}  // namespace sonde::analyzer
