#pragma once

#include <cstdint>
#include <string>

namespace sonde::exporter {

/// The word of a tunnel (enum mapping_tunnel) as labels and pages have it: none, nat, vxlan, geneve, ipip.
const char* tunnel_word(uint8_t tunnel);

/// "tcp", "udp", "icmp" …; the number of one without a name.
std::string protocol_word(uint8_t protocol);

}  // namespace sonde::exporter
