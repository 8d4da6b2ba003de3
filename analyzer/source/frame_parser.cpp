#include "analyzer/source/frame_parser.h"

#include <algorithm>
#include <cstring>

#include "analyzer/source/crc32c.h"
#include "analyzer/source/reply_text.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kLongestVarint = 10;
constexpr unsigned kChecksumBytes = 4;
constexpr size_t kTextShown = 200;

}  // namespace

Outcome<void> FrameParser::take(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if (!in_payload_) {
      if (Outcome<void> header = take_header_byte(bytes.front()); !header) return header;
      bytes = bytes.subspan(1);
    } else {
      const size_t part = std::min(bytes.size(), frame_.size - filled_);
      std::memcpy(frame_.data.get() + filled_, bytes.data(), part);
      filled_ += part;
      bytes = bytes.subspan(part);
    }
    if (in_payload_ && filled_ == frame_.size) {
      if (Outcome<void> frame = end_payload(); !frame) return frame;
    }
  }
  return {};
}

Outcome<void> FrameParser::take_header_byte(uint8_t byte) {
  header_ += static_cast<char>(byte);
  if (length_known_) {
    checksum_ = checksum_ << 8 | byte;
    if (++checksum_bytes_ == kChecksumBytes) return begin_payload();
    return {};
  }
  const size_t shift = 7 * (header_.size() - 1);
  if (header_.size() == kLongestVarint && byte > 1) {
    return broken(FaultKind::kMalformed, "the reply holds a frame length that is not a varint");
  }
  length_ |= static_cast<uint64_t>(byte & 0x7F) << shift;
  length_known_ = byte < 0x80;
  return {};
}

Outcome<void> FrameParser::begin_payload() {
  if (!meter_.take(length_)) {
    return broken(FaultKind::kTooLarge, "the reply announces a frame of " + std::to_string(length_) +
                                            " bytes, beyond the budget of " +
                                            std::to_string(meter_.limit_bytes()) + " for one read");
  }
  frame_ = {std::make_unique_for_overwrite<uint8_t[]>(length_), static_cast<size_t>(length_)};
  filled_ = 0;
  in_payload_ = true;
  return {};
}

Outcome<void> FrameParser::end_payload() {
  if (crc32c(frame_.span()) != checksum_) {
    return broken(FaultKind::kChecksum, "the checksum of a frame of the reply does not match");
  }
  in_payload_ = length_known_ = false;
  header_.clear();
  length_ = checksum_ = checksum_bytes_ = 0;
  return on_frame_(std::move(frame_));
}

Outcome<void> FrameParser::finish() const {
  if (header_.empty()) return {};
  return broken(FaultKind::kTruncated, "the reply ends within a frame");
}

tl::unexpected<Fault> FrameParser::broken(FaultKind kind, const std::string& message) const {
  std::string text = header_;
  if (in_payload_) {
    text.append(reinterpret_cast<const char*>(frame_.data.get()), std::min(filled_, kTextShown));
  }
  if (!looks_like_text(text)) return fault(kind, message);
  return fault(FaultKind::kServerError, "the server broke its reply off with: " + one_line(text));
}

}  // namespace sonde::analyzer
