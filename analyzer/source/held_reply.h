#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analyzer/source/fault.h"
#include "analyzer/source/memory_meter.h"
#include "analyzer/source/source.h"
#include "analyzer/source/source_options.h"

namespace sonde::analyzer {

/// A label in place, in the reply's own bytes.
struct LabelView {
  std::string_view name;
  std::string_view value;

  friend bool operator==(const LabelView&, const LabelView&) = default;
  friend auto operator<=>(const LabelView&, const LabelView&) = default;
};

/// Encoded samples in place: an XOR chunk, a TimeSeries message, an array of Sample.
struct SamplePart {
  std::span<const uint8_t> bytes;
  uint32_t samples = 0;  ///< how many decoding it gives
};

/// Decodes a part into out. REQUIRES: out.size() == part.samples. False where the bytes are malformed.
using PartDecoder = bool (*)(const SamplePart& part, std::span<Sample> out);

/// What a reply said of which series, samples still encoded; it refers to the reply's bytes, whose owner must
/// outlive it. A series may be added in several pieces, with its labels in any order (external_labels are
/// appended unsorted): pieces are merged by the full label set.
///
/// Threads: one.
class HeldReply {
 public:
  /// The query, the budget and the meter must outlive it.
  HeldReply(const ReadQuery& query, const SourceBudget& budget, MemoryMeter& meter)
      : query_(query), budget_(budget), meter_(meter) {}

  /// Takes one piece of a series that answers the query's selector of that index. `labels` is sorted in
  /// place. Errors: kTooLarge past a budget; kMalformed for labels that are not UTF-8 or that the selector
  /// excludes.
  Outcome<void> add(size_t selector, std::vector<LabelView>& labels, std::span<const SamplePart> parts);

  /// Decodes everything once to verify it, then once more series by series into the sink, sorted by labels,
  /// clipped to the query's range and without repeated timestamps. Counts into stats.
  /// Errors: kMalformed, kTooLarge; the sink was not called then.
  Outcome<void> deliver(PartDecoder decode, ReadStats& stats, const SeriesSink& sink);

 private:
  struct Piece {
    size_t selector = 0;
    size_t first_label = 0;
    size_t labels = 0;
    size_t first_part = 0;
    size_t parts = 0;
  };

  [[nodiscard]] std::span<const LabelView> labels(const Piece& piece) const {
    return {labels_.data() + piece.first_label, piece.labels};
  }
  Outcome<void> check_labels(size_t selector, std::span<const LabelView> labels) const;
  void sort_pieces();
  /// Calls visit with the pieces of each series, all of them from the same selector.
  template <class Visit>
  bool for_each_series(Visit visit) const;
  [[nodiscard]] size_t count_samples(std::span<const Piece> series) const;
  /// All samples of a series, as they came, into `out`. False where a part is malformed.
  [[nodiscard]] bool decode_series(std::span<const Piece> series, PartDecoder decode,
                                   std::span<Sample> out) const;

  const ReadQuery& query_;
  const SourceBudget& budget_;
  MemoryMeter& meter_;
  std::vector<LabelView> labels_;
  std::vector<SamplePart> parts_;
  std::vector<Piece> pieces_;
  uint64_t samples_ = 0;
  size_t largest_series_ = 0;
};

}  // namespace sonde::analyzer
