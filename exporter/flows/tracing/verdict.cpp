#include "exporter/flows/tracing/verdict.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sonde::exporter {
namespace {

constexpr double kNanosecond = 1e-9;
/// Units below which the confidence is less than a half.
constexpr double kFewUnits = 4;

struct AddressOrder {
  bool operator()(const flow_address& a, const flow_address& b) const {
    return std::memcmp(&a, &b, sizeof a) < 0;
  }
};

struct Collected {
  std::vector<const TracedDirection*> directions;
};

bool counts(const TracedUnit& unit, bool payload) {
  return payload == (unit.bytes > 0);
}

bool has_payload(const Collected& collected) {
  return std::ranges::any_of(collected.directions, [](const TracedDirection* direction) {
    return std::ranges::any_of(direction->units, [](const TracedUnit& unit) { return unit.bytes > 0; });
  });
}

DirectionDelay sum_up(const Collected& collected) {
  DirectionDelay delay;
  const bool payload = has_payload(collected);
  for (const TracedDirection* direction : collected.directions) {
    if (delay.sender_space == 0) delay.sender_space = direction->sender_space;
    if (delay.receiver_space == 0) delay.receiver_space = direction->receiver_space;
    delay.retransmits += direction->retransmits;
    for (const TracedUnit& unit : direction->units) {
      if (!counts(unit, payload)) continue;
      ++delay.units;
      delay.complete += unit.complete ? 1 : 0;
      delay.open += unit.open ? 1 : 0;
      delay.bytes += unit.bytes;
      for (size_t stage = 0; stage < kStageCount; ++stage) {
        if (unit.times[stage] == kNotSeen) continue;
        delay.stage_seconds[stage] += static_cast<double>(unit.times[stage]) * kNanosecond;
        ++delay.stage_units[stage];
      }
    }
  }
  for (double& seconds : delay.stage_seconds) {
    if (delay.units > 0) seconds /= static_cast<double>(delay.units);
  }
  return delay;
}

/// Of the delay of a direction's mean unit: how much is in units for which `part` is the largest, seconds.
double agreeing_seconds(const Collected& collected, const DirectionDelay& delay, Part part) {
  if (delay.units == 0) return 0;
  const bool payload = has_payload(collected);
  double sum = 0;
  for (const TracedDirection* direction : collected.directions) {
    for (const TracedUnit& unit : direction->units) {
      if (!counts(unit, payload)) continue;
      const int64_t own = unit.part_ns(part);
      bool largest = true;
      for (size_t other = 0; other < kPartCount; ++other) {
        largest = largest && own >= unit.part_ns(static_cast<Part>(other));
      }
      if (largest) sum += static_cast<double>(unit.total_ns()) * kNanosecond;
    }
  }
  return sum / static_cast<double>(delay.units);
}

void judge(PairDelay& pair, const Collected& there, const Collected& back) {
  for (size_t i = 0; i < kPartCount; ++i) {
    const Part part = static_cast<Part>(i);
    pair.share[i] = pair.there.part_seconds(part) + pair.back.part_seconds(mirrored(part));
    pair.seconds += pair.share[i];
  }
  if (pair.seconds <= 0) return;
  for (double& share : pair.share) share /= pair.seconds;
  pair.slowest = static_cast<Part>(std::ranges::max_element(pair.share) - pair.share.begin());
  const double agreeing = agreeing_seconds(there, pair.there, pair.slowest) +
                          agreeing_seconds(back, pair.back, mirrored(pair.slowest));
  const auto units = static_cast<double>(pair.there.units + pair.back.units);
  const auto known =
      static_cast<double>(pair.there.complete + pair.there.open + pair.back.complete + pair.back.open);
  pair.confidence =
      std::min(1.0, agreeing / pair.seconds) * std::min(1.0, known / units) * units / (units + kFewUnits);
  const bool other_machine = pair.there.receiver_space == 0 || pair.there.sender_space == 0;
  if (other_machine) pair.confidence /= 2;
}

}  // namespace

Part mirrored(Part part) {
  if (part == Part::kSenderHost) return Part::kReceiverHost;
  if (part == Part::kReceiverHost) return Part::kSenderHost;
  return part;
}

double DirectionDelay::part_seconds(Part part) const {
  double sum = 0;
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    if (part_of(static_cast<Stage>(stage)) == part) sum += stage_seconds[stage];
  }
  return sum;
}

std::vector<PairDelay> judge_pairs(std::span<const TracedDirection> directions,
                                   const std::map<uint32_t, trace_direction>& flows) {
  struct BothWays {
    Collected forth;  ///< from the lower address
    Collected back;
    uint64_t flows = 0;
  };
  using Ends = std::pair<flow_address, flow_address>;
  const auto order = [](const Ends& a, const Ends& b) {
    const AddressOrder less;
    return less(a.first, b.first) || (!less(b.first, a.first) && less(a.second, b.second));
  };
  std::map<Ends, BothWays, decltype(order)> pairs(order);
  uint32_t counted = SONDE_TRACE_NO_FLOW;
  for (const TracedDirection& direction : directions) {
    const auto flow = flows.find(direction.flow & ~1U);
    if (flow == flows.end() || direction.units.empty()) continue;
    flow_address from = flow->second.source;
    flow_address to = flow->second.destination;
    if ((direction.flow & 1U) != 0) std::swap(from, to);
    const bool rising = !AddressOrder{}(to, from);
    BothWays& both = pairs[rising ? Ends(from, to) : Ends(to, from)];
    // Both ends may have the same address; then a direction is told by its number.
    const bool forth = AddressOrder{}(from, to) || (!AddressOrder{}(to, from) && (direction.flow & 1U) == 0);
    (forth ? both.forth : both.back).directions.push_back(&direction);
    if (counted != (direction.flow & ~1U)) ++both.flows;
    counted = direction.flow & ~1U;
  }
  std::vector<PairDelay> delays;
  for (auto& [ends, both] : pairs) {
    PairDelay pair{.sender = ends.first, .receiver = ends.second, .flows = both.flows};
    pair.there = sum_up(both.forth);
    pair.back = sum_up(both.back);
    if (pair.there.bytes < pair.back.bytes) {
      std::swap(pair.sender, pair.receiver);
      std::swap(pair.there, pair.back);
      std::swap(both.forth, both.back);
    }
    for (const TracedDirection* direction : both.back.directions) pair.back_flows.insert(direction->flow);
    judge(pair, both.forth, both.back);
    delays.push_back(pair);
  }
  std::ranges::stable_sort(delays, std::greater{}, &PairDelay::seconds);
  return delays;
}

}  // namespace sonde::exporter
