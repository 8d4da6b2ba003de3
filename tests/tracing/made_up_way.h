#pragma once

#include <cstdint>
#include <vector>

#include "bpf/packet_trace.h"

namespace sonde::exporter {

/// Network namespaces of made-up events.
inline constexpr uint32_t kSender = 101;
inline constexpr uint32_t kBetween = 102;
inline constexpr uint32_t kReceiver = 103;
inline constexpr uint32_t kWriter = 11;  ///< thread
inline constexpr uint32_t kReader = 12;  ///< thread

/// When one packet came to each layer, in microseconds; 0: it was not seen there.
struct MadeUpTimes {
  uint64_t write = 0, departure = 0, queue = 0, transmit = 0, transmitted = 0, arrive = 0, receive = 0,
           socket = 0, read = 0;
};

/// Events as the kernel would send them.
class MadeUpEvents {
 public:
  static constexpr uint64_t kMicrosecond = 1000;

  /// A packet of the flow's direction, from the pod that sends to the pod that receives.
  void packet(uint32_t seq, uint32_t bytes, const MadeUpTimes& at, uint32_t flow = 0,
              uint8_t write_flags = 0) {
    add(SONDE_TRACE_WRITE, at.write, seq, bytes, flow, kSender, kWriter, write_flags);
    add(SONDE_TRACE_QUEUE, at.queue, seq, bytes, flow, kSender, 0, SONDE_TRACE_OWN_SOCKET,
        at.departure * kMicrosecond);
    add(SONDE_TRACE_TRANSMIT, at.transmit, seq, bytes, flow, kSender, 0, SONDE_TRACE_OWN_SOCKET);
    add(SONDE_TRACE_TRANSMITTED, at.transmitted, seq, bytes, flow, kSender, 0, SONDE_TRACE_OWN_SOCKET);
    add(SONDE_TRACE_ARRIVE, at.arrive, seq, bytes, flow, kReceiver);
    add(SONDE_TRACE_RECEIVE, at.receive, seq, bytes, flow, kReceiver);
    add(SONDE_TRACE_SOCKET, at.socket, seq, bytes, flow, kReceiver);
    if (at.read != 0) add(SONDE_TRACE_READ, at.read, seq + bytes, 0, flow, kReceiver, kReader);
  }

  /// A thread that could run from one time to another and did not.
  void wait(uint32_t thread, uint64_t from, uint64_t to) {
    add(SONDE_TRACE_RUN_QUEUE, to, 0, 0, SONDE_TRACE_NO_FLOW, 0, thread, 0, from * kMicrosecond);
  }

  void add(uint8_t layer, uint64_t time, uint32_t seq, uint32_t bytes, uint32_t flow, uint32_t space,
           uint32_t thread = 0, uint8_t flags = 0, uint64_t value = 0, uint32_t ack = 1,
           uint32_t interface = 2) {
    if (time == 0) return;
    trace_event event{};
    event.time_ns = time * kMicrosecond;
    event.value = value;
    event.flow = flow;
    event.seq = seq;
    event.end_seq = seq + bytes;
    event.ack = ack;
    event.thread = thread;
    event.space = space;
    event.interface = interface;
    event.layer = layer;
    event.flags = flags;
    events.push_back(event);
  }

  std::vector<trace_event> events;
};

}  // namespace sonde::exporter
