#include "exporter/flows/tracing/byte_ranges.h"

#include <algorithm>

namespace sonde::exporter {
namespace {

/// How many later packets are looked through for one that was lost; bounds the time of a hostile trace.
constexpr size_t kLongestSearch = 4096;

bool holds(const ByteRange& range, int64_t end) {
  return range.begin < end && end <= range.end;
}

}  // namespace

int64_t Sequence::offset(uint32_t number) {
  if (!started_) {
    started_ = true;
    number_ = number;
  }
  offset_ += static_cast<int32_t>(number - number_);
  number_ = number;
  return offset_;
}

void ByteRanges::add(const ByteRange& range) {
  furthest_.push_back(furthest_.empty() ? range.end : std::max(furthest_.back(), range.end));
  ranges_.push_back(range);
}

const ByteRange* ByteRanges::reached(int64_t end) const {
  const auto at = std::ranges::lower_bound(furthest_, end);
  return at == furthest_.end() ? nullptr : &ranges_[static_cast<size_t>(at - furthest_.begin())];
}

const ByteRange* ByteRanges::first(int64_t end) const {
  const ByteRange* const from = reached(end);
  if (from == nullptr) return nullptr;
  // Behind a hole come bytes of later packets before those that are sent again.
  const auto start = static_cast<size_t>(from - ranges_.data());
  const size_t stop = std::min(ranges_.size(), start + kLongestSearch);
  for (size_t i = start; i < stop; ++i) {
    if (holds(ranges_[i], end)) return &ranges_[i];
  }
  return nullptr;
}

}  // namespace sonde::exporter
