#include "exporter/flows/tracing/pairing.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>

#include "exporter/flows/tracing/byte_ranges.h"
#include "exporter/flows/tracing/waits.h"
#include "exporter/flows/tracing/write_limits.h"

namespace sonde::exporter {
namespace {

int64_t& time_of(StageTimes& times, Stage stage) {
  return times[static_cast<size_t>(stage)];
}

int64_t between(uint64_t from, uint64_t to) {
  return to > from ? static_cast<int64_t>(to - from) : 0;
}

/// One direction's events by layer.
struct Layers {
  Sequence sequence;
  ByteRanges write;
  WriteLimits limits;
  ByteRanges queue;        ///< at the sender's own device
  ByteRanges transmit;     ///< the same
  ByteRanges transmitted;  ///< the same
  std::map<std::pair<uint32_t, uint32_t>, std::pair<ByteRanges, ByteRanges>>
      way;             ///< queue, transmit by device
  ByteRanges arrive;   ///< in the receiver's network namespace
  ByteRanges receive;  ///< the same
  ByteRanges socket;
  ByteRanges read;
  ByteRanges acknowledged;  ///< at the sender: what the other direction's packets acknowledge
  /// Acknowledgements alone, by the number that they acknowledge.
  std::unordered_map<uint32_t, std::array<uint64_t, SONDE_TRACE_LAYER_COUNT>> alone;
  std::vector<uint32_t> alone_order;
  std::unordered_map<uint32_t, uint64_t> alone_departure;
};

void find_ends(std::span<const trace_event* const> events, TracedDirection& direction) {
  for (const trace_event* event : events) {
    const bool sends = event->layer == SONDE_TRACE_WRITE ||
                       (event->layer == SONDE_TRACE_QUEUE && (event->flags & SONDE_TRACE_OWN_SOCKET) != 0);
    if (sends && direction.sender_space == 0) direction.sender_space = event->space;
    const bool reads = event->layer == SONDE_TRACE_SOCKET || event->layer == SONDE_TRACE_READ;
    if (reads && direction.receiver_space == 0) direction.receiver_space = event->space;
    if (event->layer == SONDE_TRACE_RETRANSMIT) direction.retransmits += std::max<uint64_t>(event->value, 1);
  }
}

void note_alone(const trace_event& event, Layers& layers) {
  auto [found, fresh] = layers.alone.try_emplace(event.ack);
  if (fresh) layers.alone_order.push_back(event.ack);
  uint64_t& first = found->second[event.layer];
  if (first == 0) first = event.time_ns;
  if (event.layer == SONDE_TRACE_QUEUE) layers.alone_departure.try_emplace(event.ack, event.value);
}

/// Whether a packet's event is at the sender's own device, at the receiver's, or between them.
enum class Place { kSender, kReceiver, kBetween };

Place place_of(const trace_event& event, const TracedDirection& direction) {
  const bool out = event.layer == SONDE_TRACE_QUEUE || event.layer == SONDE_TRACE_TRANSMIT ||
                   event.layer == SONDE_TRACE_TRANSMITTED;
  if (out) return (event.flags & SONDE_TRACE_OWN_SOCKET) != 0 ? Place::kSender : Place::kBetween;
  return event.space == direction.receiver_space ? Place::kReceiver : Place::kBetween;
}

ByteRanges* ranges_of(const trace_event& event, const TracedDirection& direction, Layers& layers) {
  const Place place = place_of(event, direction);
  switch (event.layer) {
    case SONDE_TRACE_WRITE:
      return &layers.write;
    case SONDE_TRACE_QUEUE:
      if (place == Place::kSender) return &layers.queue;
      return &layers.way[{event.space, event.interface}].first;
    case SONDE_TRACE_TRANSMIT:
      if (place == Place::kSender) return &layers.transmit;
      return &layers.way[{event.space, event.interface}].second;
    case SONDE_TRACE_TRANSMITTED:
      return place == Place::kSender ? &layers.transmitted : nullptr;
    case SONDE_TRACE_ARRIVE:
      return place == Place::kReceiver ? &layers.arrive : nullptr;
    case SONDE_TRACE_RECEIVE:
      return place == Place::kReceiver ? &layers.receive : nullptr;
    case SONDE_TRACE_SOCKET:
      return &layers.socket;
    case SONDE_TRACE_READ:
      return &layers.read;
    default:
      return nullptr;
  }
}

void sort_into_layers(std::span<const trace_event* const> events, const TracedDirection& direction,
                      Layers& layers) {
  for (const trace_event* event : events) {
    if ((event->flags & SONDE_TRACE_NO_PAYLOAD) != 0) {
      const bool at_end =
          event->layer == SONDE_TRACE_SOCKET || place_of(*event, direction) != Place::kBetween;
      if (at_end) note_alone(*event, layers);
      continue;
    }
    ByteRanges* ranges = ranges_of(*event, direction, layers);
    if (ranges == nullptr) continue;
    if (event->layer == SONDE_TRACE_WRITE) layers.limits.add(*event);
    const int64_t end = layers.sequence.offset(event->end_seq);
    const int64_t begin = end - static_cast<int64_t>(event->end_seq - event->seq);
    ranges->add({begin, end, event});
  }
}

/// Where the other direction's packets reach this one's sender, their acknowledgements say what arrived.
void note_acknowledgements(std::span<const trace_event* const> others, uint32_t sender_space,
                           Layers& layers) {
  for (const trace_event* event : others) {
    const bool arrives = event->layer == SONDE_TRACE_ARRIVE || event->layer == SONDE_TRACE_RECEIVE;
    if (!arrives || event->space != sender_space) continue;
    const int64_t end = layers.sequence.offset(event->ack);
    layers.acknowledged.add({end, end, event});
  }
}

class DirectionPairing {
 public:
  DirectionPairing(const PairingInput& input, const Waits& waits, Layers& layers, TracedDirection& direction)
      : input_(input), waits_(waits), layers_(layers), direction_(direction) {}

  void run() {
    const bool sender_seen = !layers_.queue.empty();
    const ByteRanges& units = sender_seen                ? layers_.queue
                              : !layers_.receive.empty() ? layers_.receive
                                                         : layers_.socket;
    int64_t reached = INT64_MIN;
    for (const ByteRange& unit : units.all()) {
      if (unit.end <= reached) continue;  // sent again
      reached = unit.end;
      add_unit(unit, sender_seen);
    }
    for (const uint32_t ack : layers_.alone_order) add_alone(ack);
  }

 private:
  void add_unit(const ByteRange& range, bool sender_seen) {
    TracedUnit unit;
    unit.flow = direction_.flow;
    unit.end_seq = range.event->end_seq;
    unit.bytes = static_cast<uint32_t>(range.end - range.begin);
    unit.start_ns = range.event->time_ns;
    unit.times.fill(kNotSeen);
    last_ = nullptr;
    waiting_at_ = Stage::kQdisc;
    unit.complete = true;
    if (sender_seen) add_sender(range, unit);
    add_way(range.end, unit);
    add_receiver(range.end, unit);
    close(unit);
    direction_.units.push_back(unit);
  }

  void add_sender(const ByteRange& range, TracedUnit& unit) {
    const uint64_t queued = range.event->time_ns;
    // The time that TCP noted is in front of the queue, or there is none.
    const uint64_t noted = range.event->value;
    const ByteRange* const written = layers_.write.first(range.end);
    const uint64_t earliest = written == nullptr ? 0 : written->event->time_ns;
    const bool known = noted >= earliest && noted <= queued && noted != 0;
    const uint64_t departed = known ? noted : queued;
    if (known) time_of(unit.times, Stage::kIpSend) = between(noted, queued);
    last_ = range.event;
    if (written != nullptr) {
      add_write(*written, departed, unit);
    } else if (!layers_.write.empty()) {
      unit.complete = false;
    }
    if (const auto* sent = see(layers_.transmit, range.end, unit, Stage::kQdisc)) {
      time_of(unit.times, Stage::kQdisc) = between(queued, sent->time_ns);
    }
    waiting_at_ = Stage::kWay;
  }

  void add_write(const ByteRange& written, uint64_t departed, TracedUnit& unit) {
    const uint64_t at = written.event->time_ns;
    unit.start_ns = at;
    unit.writer = written.event->thread;
    const WriteLimits::Split split = layers_.limits.between(at, departed);
    time_of(unit.times, Stage::kSocketSend) = split.own;
    if (split.window > 0) time_of(unit.times, Stage::kReceiveWindow) = split.window;
    if (split.acknowledgement > 0) time_of(unit.times, Stage::kAcknowledgement) = split.acknowledgement;
    time_of(unit.times, Stage::kSenderRunQueue) = waits_.before_use(unit.writer, at);
  }

  void add_way(int64_t end, TracedUnit& unit) {
    const ByteRange* const sent = layers_.transmit.first(end);
    if (sent == nullptr) return;
    const uint64_t start = sent->event->time_ns;
    const ByteRange* const taken = layers_.transmitted.first(end);
    const ByteRange* arrived = layers_.arrive.first(end);
    if (arrived == nullptr) arrived = layers_.receive.first(end);
    uint64_t left = taken == nullptr ? start : taken->event->time_ns;
    // A virtual device's other end receives within the driver's function.
    if (arrived != nullptr) left = std::min(left, std::max<uint64_t>(start, arrived->event->time_ns));
    if (taken != nullptr) time_of(unit.times, Stage::kDriverSend) = between(start, left);
    last_ = sent->event;
    if (arrived == nullptr) {
      if (direction_.receiver_space == 0) add_beyond(end, left, unit);
      unit.complete = unit.complete && direction_.receiver_space == 0;
      return;
    }
    int64_t queued = 0;
    for (const auto& [device, ranges] : layers_.way) {
      const ByteRange* const in = ranges.first.first(end);
      const ByteRange* const out = ranges.second.first(end);
      if (in != nullptr && out != nullptr) queued += between(in->event->time_ns, out->event->time_ns);
    }
    const int64_t way = between(left, arrived->event->time_ns);
    queued = std::min(queued, way);
    time_of(unit.times, Stage::kWay) = way - queued;
    if (!layers_.way.empty()) time_of(unit.times, Stage::kWayQdisc) = queued;
  }

  void add_beyond(int64_t end, uint64_t left, TracedUnit& unit) {
    const ByteRange* const acknowledged = layers_.acknowledged.reached(end);
    waiting_at_ = Stage::kBeyond;
    if (acknowledged == nullptr) {
      unit.complete = false;
      return;
    }
    time_of(unit.times, Stage::kBeyond) = between(left, acknowledged->event->time_ns);
    last_ = nullptr;
  }

  void add_receiver(int64_t end, TracedUnit& unit) {
    if (direction_.receiver_space == 0) return;
    const trace_event* const arrived = see(layers_.arrive, end, unit, Stage::kSoftirq);
    const trace_event* const received = see(layers_.receive, end, unit, Stage::kIpReceive);
    if (arrived != nullptr && received != nullptr) {
      time_of(unit.times, Stage::kSoftirq) = between(arrived->time_ns, received->time_ns);
    }
    const trace_event* const taken = see(layers_.socket, end, unit, Stage::kSocketReceive);
    if (received != nullptr && taken != nullptr) {
      time_of(unit.times, Stage::kIpReceive) = between(received->time_ns, taken->time_ns);
    }
    const ByteRange* const read = layers_.read.reached(end);
    if (read == nullptr) {
      unit.complete = unit.complete && layers_.read.empty();
      return;
    }
    last_ = nullptr;
    unit.reader = read->event->thread;
    if (taken == nullptr) return;
    const int64_t all = between(taken->time_ns, read->event->time_ns);
    const int64_t waited = std::min(all, waits_.within(unit.reader, taken->time_ns, read->event->time_ns));
    time_of(unit.times, Stage::kReaderRunQueue) = waited;
    time_of(unit.times, Stage::kSocketReceive) = all - waited;
  }

  /// The event at which a unit's last byte came to a layer. `next`: where it is from then on.
  const trace_event* see(const ByteRanges& ranges, int64_t end, TracedUnit& unit, Stage next) {
    const ByteRange* const found = ranges.first(end);
    if (found == nullptr) {
      unit.complete = unit.complete && ranges.empty();
      return nullptr;
    }
    last_ = found->event;
    waiting_at_ = next;
    return found->event;
  }

  /// What the trace saw last of a unit that is still under way counts up to the end.
  void close(TracedUnit& unit) {
    if (unit.complete || input_.gaps || last_ == nullptr) return;
    int64_t& waited = time_of(unit.times, waiting_at_);
    if (waited != kNotSeen) return;
    waited = between(last_->time_ns, input_.end_ns);
    unit.open = true;
  }

  void add_alone(uint32_t ack) {
    const auto& at = layers_.alone[ack];
    TracedUnit unit;
    unit.flow = direction_.flow;
    unit.end_seq = ack;
    unit.times.fill(kNotSeen);
    const auto stage = [&](Stage which, uint64_t from, uint64_t to) {
      if (from != 0 && to != 0) time_of(unit.times, which) = between(from, to);
    };
    const uint64_t queued = at[SONDE_TRACE_QUEUE];
    const uint64_t sent = at[SONDE_TRACE_TRANSMIT];
    const uint64_t arrived = at[SONDE_TRACE_ARRIVE] != 0 ? at[SONDE_TRACE_ARRIVE] : at[SONDE_TRACE_RECEIVE];
    const auto departure = layers_.alone_departure.find(ack);
    if (departure != layers_.alone_departure.end() && departure->second <= queued) {
      stage(Stage::kIpSend, departure->second, queued);
    }
    stage(Stage::kQdisc, queued, sent);
    uint64_t left = at[SONDE_TRACE_TRANSMITTED] != 0 ? at[SONDE_TRACE_TRANSMITTED] : sent;
    if (arrived != 0) left = std::min(left, std::max(sent, arrived));
    if (at[SONDE_TRACE_TRANSMITTED] != 0) stage(Stage::kDriverSend, sent, left);
    stage(Stage::kWay, left, arrived);
    stage(Stage::kSoftirq, at[SONDE_TRACE_ARRIVE], at[SONDE_TRACE_RECEIVE]);
    stage(Stage::kIpReceive, at[SONDE_TRACE_RECEIVE], at[SONDE_TRACE_SOCKET]);
    unit.start_ns = queued != 0 ? queued : arrived;
    if (unit.start_ns == 0) return;
    unit.complete = queued != 0 && sent != 0 && (arrived != 0 || direction_.receiver_space == 0);
    direction_.units.push_back(unit);
  }

  const PairingInput& input_;
  const Waits& waits_;
  Layers& layers_;
  TracedDirection& direction_;
  const trace_event* last_ = nullptr;  ///< of the unit at hand, if it has not got to its end
  Stage waiting_at_ = Stage::kQdisc;   ///< where it is after last_
};

}  // namespace

int64_t TracedUnit::total_ns() const {
  int64_t total = 0;
  for (size_t part = 0; part < kPartCount; ++part) total += part_ns(static_cast<Part>(part));
  return total;
}

int64_t TracedUnit::part_ns(Part part) const {
  int64_t total = 0;
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    if (times[stage] != kNotSeen && part_of(static_cast<Stage>(stage)) == part) total += times[stage];
  }
  return total;
}

std::vector<TracedDirection> pair_events(const PairingInput& input) {
  std::vector<const trace_event*> ordered;
  ordered.reserve(input.events.size());
  for (const trace_event& event : input.events) ordered.push_back(&event);
  std::ranges::stable_sort(ordered, {}, &trace_event::time_ns);

  const Waits waits(ordered);
  std::map<uint32_t, std::vector<const trace_event*>> by_direction;
  for (const trace_event* event : ordered) {
    if (event->flow != SONDE_TRACE_NO_FLOW && event->layer < SONDE_TRACE_LAYER_COUNT) {
      by_direction[event->flow].push_back(event);
    }
  }
  std::vector<TracedDirection> directions;
  for (const auto& [flow, events] : by_direction) {
    TracedDirection direction;
    direction.flow = flow;
    find_ends(events, direction);
    Layers layers;
    sort_into_layers(events, direction, layers);
    if (const auto others = by_direction.find(flow ^ 1U); others != by_direction.end()) {
      note_acknowledgements(others->second, direction.sender_space, layers);
    }
    DirectionPairing(input, waits, layers, direction).run();
    directions.push_back(std::move(direction));
  }
  return directions;
}

}  // namespace sonde::exporter
