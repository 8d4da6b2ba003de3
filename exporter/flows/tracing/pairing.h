#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/packet_trace.h"
#include "exporter/flows/tracing/stage.h"

namespace sonde::exporter {

/// What a sender gave to its device at once, followed to its reader: a segment, a super-packet of several, or
/// an acknowledgement alone.
struct TracedUnit {
  uint32_t flow = 0;      ///< trace_event::flow
  uint32_t end_seq = 0;   ///< behind its last byte
  uint32_t bytes = 0;     ///< 0: an acknowledgement alone
  uint64_t start_ns = 0;  ///< its first event
  uint32_t writer = 0;    ///< thread; 0: not seen
  uint32_t reader = 0;    ///< thread; 0: not seen
  bool complete = false;  ///< seen at every layer that units of its direction are seen at
  bool open = false;      ///< the trace ended while it was in the last of `times`
  StageTimes times{};

  /// All stages that have a part, ns.
  [[nodiscard]] int64_t total_ns() const;
  /// The stages of one part, ns.
  [[nodiscard]] int64_t part_ns(Part part) const;
};

/// One direction of a flow as its events show it.
struct TracedDirection {
  uint32_t flow = 0;            ///< trace_event::flow
  uint32_t sender_space = 0;    ///< network namespace of the sending socket; 0: not on this machine
  uint32_t receiver_space = 0;  ///< of the receiving one; 0: not on this machine
  uint64_t retransmits = 0;     ///< segments that TCP sent again
  std::vector<TracedUnit> units;
};

/// What pairing needs beside the events.
struct PairingInput {
  std::span<const trace_event> events;  ///< in any order
  uint64_t end_ns = 0;                  ///< when the trace ended, CLOCK_MONOTONIC
  bool gaps = false;  ///< events are missing: nothing is taken to wait only because no more was seen of it
};

/// Pairs the events of every flow's directions, by the number of their last byte: a byte is at a layer when
/// the first packet that holds it is, so that what was lost and sent again counts for the stage that lost it.
/// Pure: no clock, no I/O.
/// Shape: one entry for each direction with events, by trace_event::flow.
std::vector<TracedDirection> pair_events(const PairingInput& input);

}  // namespace sonde::exporter
