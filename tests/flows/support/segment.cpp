#include "tests/flows/support/segment.h"

namespace sonde::test {
namespace {

constexpr size_t kEthernetBytes = 14;
constexpr size_t kTagBytes = 4;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kFragment = 44;

void put8(std::string& bytes, uint32_t value) {
  bytes.push_back(static_cast<char>(value));
}

void put16(std::string& bytes, uint32_t value) {
  put8(bytes, value >> 8);
  put8(bytes, value);
}

void put32(std::string& bytes, uint32_t value) {
  put16(bytes, value >> 16);
  put16(bytes, value);
}

uint16_t ethernet_type(const Segment& segment) {
  return segment.version == 4 ? 0x0800 : 0x86dd;
}

void put_address(std::string& bytes, const Segment& segment, bool of_container) {
  if (segment.version == 4) {
    put32(bytes, of_container ? 0x0a000001 : 0x0a010000 + segment.remote);
    return;
  }
  put16(bytes, of_container ? 0xfd00 : 0xfd01);
  bytes.append(10, '\0');
  put32(bytes, of_container ? 1 : segment.remote);
}

/// An authentication header of 12 bytes has a length of 1, in units of 4 less 2.
size_t extension_bytes(uint8_t number) {
  return number == kAuthentication ? 12 : 8;
}

size_t extensions_bytes(const Segment& segment) {
  size_t sum = 0;
  for (const uint8_t number : segment.extensions) sum += extension_bytes(number);
  return sum;
}

void put_extension(std::string& bytes, const Segment& segment, uint8_t number, uint8_t next) {
  put8(bytes, next);
  if (number == kFragment) {
    put8(bytes, 0);
    put16(bytes, segment.fragment);
    put32(bytes, 1);
    return;
  }
  put8(bytes, number == kAuthentication ? 1 : 0);
  bytes.append(extension_bytes(number) - 2, '\0');
}

size_t transport_bytes(const Segment& segment) {
  return (segment.protocol == 6 ? 20 + segment.tcp_options : 8) + segment.payload;
}

void put_transport(std::string& bytes, const Segment& segment) {
  const bool sent = segment.sent;
  put16(bytes, sent ? segment.local_port : segment.remote_port);
  put16(bytes, sent ? segment.remote_port : segment.local_port);
  if (segment.protocol != 6) {
    put16(bytes, static_cast<uint32_t>(8 + segment.payload));
    put16(bytes, 0);
    return;
  }
  put32(bytes, segment.sequence);
  put32(bytes, segment.acknowledgement);
  put8(bytes, static_cast<uint32_t>((20 + segment.tcp_options) / 4 << 4));
  put8(bytes, segment.flags);
  put16(bytes, 65535);
  put32(bytes, 0);
  bytes.append(segment.tcp_options, '\1');  // "no operation"
}

void put_ipv4(std::string& bytes, const Segment& segment) {
  put8(bytes, static_cast<uint32_t>(0x40 | (20 + segment.ip_options) / 4));
  put8(bytes, 0);
  put16(bytes, static_cast<uint32_t>(ip_bytes(segment)));
  put16(bytes, 1);
  put16(bytes, segment.fragment);
  put8(bytes, 64);
  put8(bytes, segment.protocol);
  put16(bytes, 0);
  put_address(bytes, segment, segment.sent);
  put_address(bytes, segment, !segment.sent);
  bytes.append(segment.ip_options, '\1');
}

void put_ipv6(std::string& bytes, const Segment& segment) {
  put32(bytes, 0x60000000);
  put16(bytes, static_cast<uint32_t>(extensions_bytes(segment) + transport_bytes(segment)));
  put8(bytes, segment.extensions.empty() ? segment.protocol : segment.extensions.front());
  put8(bytes, 64);
  put_address(bytes, segment, segment.sent);
  put_address(bytes, segment, !segment.sent);
  for (size_t i = 0; i < segment.extensions.size(); ++i) {
    const bool last = i + 1 == segment.extensions.size();
    put_extension(bytes, segment, segment.extensions[i], last ? segment.protocol : segment.extensions[i + 1]);
  }
}

}  // namespace

size_t network_offset(const Segment& segment) {
  return kEthernetBytes + kTagBytes * segment.tags.size();
}

size_t transport_offset(const Segment& segment) {
  return network_offset(segment) +
         (segment.version == 4 ? 20 + segment.ip_options : 40 + extensions_bytes(segment));
}

size_t ip_bytes(const Segment& segment) {
  return transport_offset(segment) - network_offset(segment) + transport_bytes(segment);
}

std::string bytes_of(const Segment& segment) {
  std::string bytes("\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
  for (const uint16_t tag : segment.tags) {
    put16(bytes, tag);
    put16(bytes, 7);
  }
  put16(bytes, ethernet_type(segment));
  segment.version == 4 ? put_ipv4(bytes, segment) : put_ipv6(bytes, segment);
  put_transport(bytes, segment);
  bytes.append(segment.payload, 'x');
  bytes.append(segment.padding, '\0');
  return bytes;
}

}  // namespace sonde::test
