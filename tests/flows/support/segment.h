#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sonde::test {

inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kReset = 0x04;
inline constexpr uint8_t kPush = 0x08;
inline constexpr uint8_t kAck = 0x10;

/// One packet between a container (10.0.0.1 or fd00::1) and a remote, as a test describes it.
struct Segment {
  bool sent = true;     ///< by the container
  int version = 4;      ///< of IP
  uint32_t remote = 1;  ///< which remote: the last 32 bits of its address, below 10.1.0.0 or fd01::
  uint16_t local_port = 40000;
  uint16_t remote_port = 80;
  uint8_t flags = kAck;
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  size_t payload = 0;
  uint8_t protocol = 6;               ///< TCP; 17: UDP; else a header of 8 bytes that nobody reads
  size_t ip_options = 0;              ///< bytes, of IPv4; a multiple of 4
  size_t tcp_options = 0;             ///< bytes; a multiple of 4
  std::vector<uint16_t> tags{};       ///< of VLANs: Ethernet types, such as 0x8100
  std::vector<uint8_t> extensions{};  ///< of IPv6: numbers of headers; 51, 44 and those of 8-byte units
  uint16_t fragment = 0;              ///< IPv4's field, IPv6's in an extension header 44: offset and flags
  size_t padding = 0;                 ///< bytes behind the packet, as of a short frame
  uint16_t segments = 0;              ///< that the buffer stands for (GSO)
};

/// Its bytes, from the Ethernet header on. Checksums are 0: nobody checks them at tc.
std::string bytes_of(const Segment& segment);

/// Where parts of a packet begin that bytes_of() made.
size_t network_offset(const Segment& segment);
size_t transport_offset(const Segment& segment);
/// Bytes of IP in it.
size_t ip_bytes(const Segment& segment);

}  // namespace sonde::test
