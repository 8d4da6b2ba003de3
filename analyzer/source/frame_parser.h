#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "analyzer/source/fault.h"
#include "analyzer/source/memory_meter.h"

namespace sonde::analyzer {

/// The bytes of one frame, owned.
struct FrameBytes {
  std::unique_ptr<uint8_t[]> data;
  size_t size = 0;

  [[nodiscard]] std::span<const uint8_t> span() const { return {data.get(), size}; }
};

/// Cuts a streamed reply into frames while it arrives: uvarint length, big-endian CRC-32C, message.
/// Nothing is allocated for a length that the meter does not allow.
///
/// Threads: one.
/// Source: Prometheus, storage/remote/chunked.go.
class FrameParser {
 public:
  /// Takes a frame whose checksum held.
  using OnFrame = std::function<Outcome<void>(FrameBytes)>;

  FrameParser(MemoryMeter& meter, OnFrame on_frame) : meter_(meter), on_frame_(std::move(on_frame)) {}

  /// Takes the next bytes, cut anywhere. Errors: kChecksum, kMalformed, kTooLarge, kServerError for an error
  /// text where a frame should be, and whatever on_frame returns. The parser is of no use after an error.
  Outcome<void> take(std::span<const uint8_t> bytes);

  /// To be called at the end of the reply. Errors: kTruncated within a frame, kServerError for a text.
  Outcome<void> finish() const;

 private:
  Outcome<void> take_header_byte(uint8_t byte);
  Outcome<void> begin_payload();
  Outcome<void> end_payload();
  /// A server that fails after its first frame can only append its message; says so, else what was given.
  [[nodiscard]] tl::unexpected<Fault> broken(FaultKind kind, const std::string& message) const;

  MemoryMeter& meter_;
  OnFrame on_frame_;
  std::string header_;  ///< length and checksum as they came, for broken()
  uint64_t length_ = 0;
  bool length_known_ = false;
  unsigned checksum_bytes_ = 0;
  uint32_t checksum_ = 0;
  bool in_payload_ = false;
  FrameBytes frame_;
  size_t filled_ = 0;
};

}  // namespace sonde::analyzer
