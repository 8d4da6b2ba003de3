#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sonde::analyzer {

static_assert(std::endian::native == std::endian::little, "protobuf's fixed-width fields are read in place");

/// One field of a protobuf message. Which member counts is told by `type`.
struct WireField {
  enum Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  uint32_t number = 0;
  Type type = kVarint;
  uint64_t value = 0;              ///< of the three number types, as bits
  std::span<const uint8_t> bytes;  ///< of kBytes, in place

  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] double as_double() const { return std::bit_cast<double>(value); }
};

/// Walks the fields of one protobuf message in place, without copying: a reply of 20,000 series is read from
/// the buffer that it was received into. Replies only; the request is built by the protobuf library.
/// Source: protobuf.dev, "Encoding".
class WireReader {
 public:
  explicit WireReader(std::span<const uint8_t> message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  /// The next field; false at the end of the message and at malformed bytes, which failed() tells apart.
  bool next(WireField& field) {
    if (at_ == end_ || failed_) return false;
    uint64_t tag = 0;
    if (!varint(tag) || tag > UINT32_MAX || (tag >> 3) == 0) return malformed();
    field.number = static_cast<uint32_t>(tag >> 3);
    field.type = static_cast<WireField::Type>(tag & 7);
    switch (field.type) {
      case WireField::kVarint:
        return varint(field.value) || malformed();
      case WireField::kFixed64:
        return fixed<uint64_t>(field.value) || malformed();
      case WireField::kFixed32:
        return fixed<uint32_t>(field.value) || malformed();
      case WireField::kBytes:
        return bytes(field.bytes) || malformed();
    }
    return malformed();  // groups went out of use before Prometheus began
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool malformed() {
    failed_ = true;
    return false;
  }

  bool varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const uint8_t byte = *at_++;
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return shift < 63 || byte <= 1;
    }
    return false;
  }

  template <class T>
  bool fixed(uint64_t& value) {
    T number = 0;
    if (static_cast<size_t>(end_ - at_) < sizeof(number)) return false;
    std::memcpy(&number, at_, sizeof(number));
    at_ += sizeof(number);
    value = number;
    return true;
  }

  bool bytes(std::span<const uint8_t>& out) {
    uint64_t length = 0;
    if (!varint(length) || length > static_cast<uint64_t>(end_ - at_)) return false;
    out = {at_, static_cast<size_t>(length)};
    at_ += length;
    return true;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool failed_ = false;
};

}  // namespace sonde::analyzer
