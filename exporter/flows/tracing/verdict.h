#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "bpf/packet_trace.h"
#include "exporter/flows/tracing/pairing.h"

namespace sonde::exporter {

/// What the units of one direction between two addresses say; only those with payload where there are any.
struct DirectionDelay {
  uint32_t sender_space = 0;    ///< network namespace; 0: not on this machine
  uint32_t receiver_space = 0;  ///< the same
  uint64_t units = 0;
  uint64_t complete = 0;                            ///< of them, seen everywhere
  uint64_t open = 0;                                ///< of them, still under way at the end
  uint64_t bytes = 0;                               ///< payload
  uint64_t retransmits = 0;                         ///< segments that TCP sent again
  std::array<double, kStageCount> stage_seconds{};  ///< mean of a unit; 0 where not seen
  std::array<uint64_t, kStageCount> stage_units{};  ///< units in which it was seen

  /// Mean seconds that a unit spends in a part.
  [[nodiscard]] double part_seconds(Part part) const;
};

/// Where the delay between two addresses is. Unit: seconds and shares of one way there and one back.
struct PairDelay {
  flow_address sender{};    ///< the end that sent more payload
  flow_address receiver{};  ///< the other
  uint64_t flows = 0;
  std::set<uint32_t> back_flows{};  ///< trace_event::flow of the directions from receiver to sender
  DirectionDelay there{};           ///< from sender to receiver
  DirectionDelay back{};
  double seconds = 0;  ///< mean, of all parts and both directions
  std::array<double, kPartCount>
      share{};                 ///< by Part, of `seconds`; sums up to 1, all 0 where nothing was seen
  Part slowest = Part::kNone;  ///< of the largest share
  /// 0 to 1: share of the delay in units for which that part is the largest, times the share of units seen
  /// everywhere, times units / (units + 4). Halved where the receiver is on another machine: `network` is
  /// then all that is beyond this one.
  double confidence = 0;
};

/// Where a part of one direction is seen from the pair's other direction: either end's host is one place.
Part mirrored(Part part);

/// Joins the directions into pairs of addresses. `flows`: their addresses, by number with direction bit 0.
/// Shape: one entry for each pair of addresses that has units, the slowest first.
std::vector<PairDelay> judge_pairs(std::span<const TracedDirection> directions,
                                   const std::map<uint32_t, trace_direction>& flows);

}  // namespace sonde::exporter
