#include "tests/flow_mapping/packets.h"

#include <arpa/inet.h>

#include <array>

namespace sonde::exporter::packets {
namespace {

void put16(Bytes& bytes, size_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8U));
  bytes.push_back(static_cast<uint8_t>(value));
}

void put32(Bytes& bytes, uint32_t value) {
  put16(bytes, value >> 16U);
  put16(bytes, value & 0xffffU);
}

void put_address(Bytes& bytes, int family, const std::string& text) {
  std::array<uint8_t, 16> raw{};
  inet_pton(family, text.c_str(), raw.data());
  bytes.insert(bytes.end(), raw.begin(), raw.begin() + (family == AF_INET ? 4 : 16));
}

void put(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

}  // namespace

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) put(all, part);
  return all;
}

Bytes tcp(uint16_t source, uint16_t destination, const Segment& segment) {
  Bytes bytes;
  put16(bytes, source);
  put16(bytes, destination);
  put32(bytes, segment.sequence);
  put32(bytes, segment.acknowledgement);
  bytes.push_back(0x50);
  bytes.push_back(segment.flags);
  put16(bytes, 1024);  // window
  put32(bytes, 0);     // checksum, urgent
  bytes.resize(bytes.size() + segment.payload, 'x');
  return bytes;
}

Bytes udp(uint16_t source, uint16_t destination, const Bytes& payload) {
  Bytes bytes;
  put16(bytes, source);
  put16(bytes, destination);
  put16(bytes, 8 + payload.size());
  put16(bytes, 0);
  put(bytes, payload);
  return bytes;
}

Bytes ipv4(const std::string& source, const std::string& destination, uint8_t protocol, const Bytes& payload,
           size_t options, uint16_t fragment) {
  Bytes bytes;
  bytes.push_back(static_cast<uint8_t>(0x40U | (5 + options / 4)));
  bytes.push_back(0);
  put16(bytes, 20 + options + payload.size());
  put16(bytes, 1);
  put16(bytes, fragment);
  bytes.push_back(64);
  bytes.push_back(protocol);
  put16(bytes, 0);
  put_address(bytes, AF_INET, source);
  put_address(bytes, AF_INET, destination);
  bytes.resize(bytes.size() + options, 1);  // "no operation"
  put(bytes, payload);
  return bytes;
}

Bytes ipv6(const std::string& source, const std::string& destination, uint8_t next, const Bytes& payload) {
  Bytes bytes;
  put32(bytes, 0x60000000);
  put16(bytes, payload.size());
  bytes.push_back(next);
  bytes.push_back(64);
  put_address(bytes, AF_INET6, source);
  put_address(bytes, AF_INET6, destination);
  put(bytes, payload);
  return bytes;
}

Bytes hop_by_hop(uint8_t next, const Bytes& payload) {
  return join({{next, 0, 1, 4, 0, 0, 0, 0}, payload});
}

Bytes ethernet(const Bytes& payload, uint16_t type) {
  if (type == 0) type = payload.at(0) >> 4U == 6 ? 0x86dd : 0x0800;
  Bytes bytes{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  put16(bytes, type);
  put(bytes, payload);
  return bytes;
}

Bytes vlan(uint16_t tag, uint16_t type, const Bytes& payload) {
  Bytes bytes;
  put16(bytes, tag);
  put16(bytes, type);
  put(bytes, payload);
  return bytes;
}

Bytes vxlan(uint32_t vni, const Bytes& frame, uint8_t flags) {
  Bytes bytes{flags, 0, 0, 0};
  put32(bytes, vni << 8U);
  put(bytes, frame);
  return bytes;
}

Bytes geneve(uint32_t vni, uint16_t type, const Bytes& inner, size_t options, uint8_t version) {
  Bytes bytes{static_cast<uint8_t>(static_cast<unsigned>(version) << 6U | options / 4), 0};
  put16(bytes, type);
  put32(bytes, vni << 8U);
  bytes.resize(bytes.size() + options, 0xee);
  put(bytes, inner);
  return bytes;
}

}  // namespace sonde::exporter::packets
