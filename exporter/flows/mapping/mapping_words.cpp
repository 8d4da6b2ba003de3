#include "exporter/flows/mapping/mapping_words.h"

#include <netinet/in.h>

#include <array>

#include "bpf/flow_mapping.h"

namespace sonde::exporter {

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
