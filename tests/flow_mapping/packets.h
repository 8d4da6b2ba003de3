#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/flows/mapping/connection.h"

namespace sonde::exporter::packets {

/// A packet or a part of one.
using Bytes = std::vector<uint8_t>;

/// Parts one after the other.
Bytes join(std::initializer_list<Bytes> parts);

/// A TCP segment's own fields.
struct Segment {
  uint32_t sequence = 1000;
  uint32_t acknowledgement = 2000;
  uint8_t flags = 0x10;  ///< ACK
  size_t payload = 0;    ///< bytes
};

Bytes tcp(uint16_t source, uint16_t destination, const Segment& segment);
Bytes udp(uint16_t source, uint16_t destination, const Bytes& payload);
/// `options`: bytes of them, a multiple of 4; `fragment`: the header's field.
Bytes ipv4(const std::string& source, const std::string& destination, uint8_t protocol, const Bytes& payload,
           size_t options = 0, uint16_t fragment = 0);
Bytes ipv6(const std::string& source, const std::string& destination, uint8_t next, const Bytes& payload);
/// A hop-by-hop header of 8 bytes before what follows.
Bytes hop_by_hop(uint8_t next, const Bytes& payload);
/// An Ethernet frame; the type follows from the payload's IP version unless one is given.
Bytes ethernet(const Bytes& payload, uint16_t type = 0);
/// A VLAN tag and what follows, for ethernet(…, 0x8100).
Bytes vlan(uint16_t tag, uint16_t type, const Bytes& payload);
Bytes vxlan(uint32_t vni, const Bytes& frame, uint8_t flags = 0x08);
/// `options`: bytes of them, a multiple of 4.
Bytes geneve(uint32_t vni, uint16_t type, const Bytes& inner, size_t options = 0, uint8_t version = 0);

}  // namespace sonde::exporter::packets
