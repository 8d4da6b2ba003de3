#pragma once

#include <cstdint>
#include <string>

#include "bpf/flow_key.h"

namespace sonde::exporter {

/// "10.1.0.2" or "fd01::2".
std::string text_of(const flow_address& address);

/// The word of a tunnel (enum mapping_tunnel) as labels and pages have it: none, nat, vxlan, geneve, ipip.
const char* tunnel_word(uint8_t tunnel);

/// "tcp", "udp", "icmp" …; the number of one without a name.
std::string protocol_word(uint8_t protocol);

}  // namespace sonde::exporter
