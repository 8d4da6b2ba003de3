#pragma once

#include <netinet/in.h>

#include "tests/flow_mapping/mapping_run.h"

namespace sonde::exporter {

/// TCP between the pod's port 40000 here and the remote's port 80 there, in VXLAN.
class VxlanConnection : public MappingRun {
 protected:
  static constexpr uint8_t kFin = 0x01;
  static constexpr uint8_t kSyn = 0x02;
  static constexpr uint8_t kReset = 0x04;
  static constexpr uint8_t kAck = 0x10;

  void SetUp() override { load(); }

  void pod_sends(uint32_t sequence, size_t payload, uint32_t acknowledgement = 1, uint8_t flags = kAck,
                 uint32_t segments = 0) {
    send(packet("192.0.2.1", "192.0.2.2", "10.1.0.2", "10.2.0.3",
                packets::tcp(40000, 80, {sequence, acknowledgement, flags, payload})),
         segments);
  }
  void remote_sends(uint32_t sequence, size_t payload, uint32_t acknowledgement, uint8_t flags = kAck) {
    receive(packet("192.0.2.2", "192.0.2.1", "10.2.0.3", "10.1.0.2",
                   packets::tcp(80, 40000, {sequence, acknowledgement, flags, payload})));
  }

 private:
  static packets::Bytes packet(const char* from, const char* to, const char* inner_from, const char* inner_to,
                               const packets::Bytes& segment) {
    const auto inner = packets::ethernet(packets::ipv4(inner_from, inner_to, IPPROTO_TCP, segment));
    return packets::ethernet(
        packets::ipv4(from, to, IPPROTO_UDP, packets::udp(50000, 4789, packets::vxlan(42, inner))));
  }
};

}  // namespace sonde::exporter
