#include "exporter/flows/mapping/mapping_words.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "bpf/flow_mapping.h"

namespace sonde::exporter {

std::string text_of(const flow_address& address) {
  constexpr std::array<uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool v4 = std::memcmp(address.bytes, kV4Prefix.data(), kV4Prefix.size()) == 0;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes + (v4 ? kV4Prefix.size() : 0), text.data(), text.size());
  return text.data();
}

const char* tunnel_word(uint8_t tunnel) {
  constexpr std::array<const char*, SONDE_TUNNELS> kWords{"none", "nat", "vxlan", "geneve", "ipip"};
  return tunnel < kWords.size() ? kWords[tunnel] : "unknown";
}

std::string protocol_word(uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_ICMPV6:
      return "icmpv6";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return std::to_string(protocol);
  }
}

}  // namespace sonde::exporter
