#include "exporter/flows/tracing/trace_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bpf/settings.h"
// After the structs that it holds.
#include "bpf/packet_trace.skel.h"
#include "exporter/bpf_settings.h"

namespace sonde::exporter {
namespace {

/// A thread that waits for a CPU for less is no event: an idle machine's wake-ups would use up the budget.
constexpr uint64_t kShortestWaitNs = 50'000;

/// Entries of the map `flows`: there and back, before NAT and behind it.
constexpr uint32_t kDirectionsOfFlow = 4;

/// Calls `visit` with each entry of a hash map.
template <class Key, class Value, class Visit>
void for_each_entry(int map, Visit visit) {
  Key key{};
  Key next{};
  for (bool more = bpf_map_get_next_key(map, nullptr, &next) == 0; more;
       more = bpf_map_get_next_key(map, &key, &next) == 0) {
    key = next;
    Value value{};
    if (bpf_map_lookup_elem(map, &key, &value) == 0) visit(key, value);
  }
}

trace_direction turned(const trace_direction& direction) {
  return {.source = direction.destination,
          .destination = direction.source,
          .source_port = direction.destination_port,
          .destination_port = direction.source_port};
}

Result<void> no_room(const char* what) {
  return fail(ErrorCode::kLimit, fmt::format("{} at one time than a trace has room for ({}); choose fewer",
                                             what, std::strerror(errno)));
}

/// Arguments of tcp_retransmit_skb where it says whether sending failed: the socket, the buffer and that.
constexpr int kRetransmitArgumentsWithError = 3;

}  // namespace

void TracePrograms::RingCloser::operator()(ring_buffer* ring) const {
  ring_buffer__free(ring);
}

TracePrograms::TracePrograms(std::unique_ptr<BpfObject> object) : object_(std::move(object)) {
  ring_.reset(ring_buffer__new(object_->map_descriptor("events"), &TracePrograms::handle, this, nullptr));
}

TracePrograms::~TracePrograms() = default;

Result<std::unique_ptr<TracePrograms>> TracePrograms::load(BpfContext& context, const TraceLimits& limits) {
  // The one is there in the other's place: together they would tell of each write twice.
  const bool has_tracepoint = context.has_hook("tcp_sendmsg_locked");
  auto object = BpfObject::load(
      context, {.topic = "packet_trace",
                .open = open_skeleton<packet_trace_bpf>([&](packet_trace_bpf& skeleton) {
                  skeleton.rodata->settings = settings_of(context);
                  skeleton.rodata->trace_settings = {.shortest_wait_ns = kShortestWaitNs,
                                                     .events_per_second = limits.events_per_second,
                                                     .most_flows = limits.flows};
                  skeleton.rodata->tells_failure =
                      context.hook_arguments("tcp_retransmit_skb") >= kRetransmitArgumentsWithError;
                  bpf_map__set_max_entries(skeleton.maps.flows, limits.flows * kDirectionsOfFlow);
                }),
                .not_wanted = {has_tracepoint ? "sendmsg_entry" : "sendmsg_locked"},
                .needed = {"dev_queue", "start_xmit", "receive_skb"}});
  if (!object) return tl::unexpected(object.error());
  std::unique_ptr<TracePrograms> programs(new TracePrograms(std::move(*object)));
  if (!programs->ring_) return fail(ErrorCode::kUnavailable, "packet_trace: its ring buffer cannot be read");
  return programs;
}

Result<void> TracePrograms::add_flow(const trace_direction& sent) {
  const int tallies = object_->map_descriptor("tallies");
  const int flows = object_->map_descriptor("flows");
  const uint32_t next = SONDE_TRACE_NEXT_FLOW;
  uint64_t number = 0;
  (void)bpf_map_lookup_elem(tallies, &next, &number);
  const auto there = static_cast<uint32_t>(number * 2);
  const uint32_t back = there + 1;
  const trace_direction received = turned(sent);
  if (bpf_map_update_elem(flows, &sent, &there, BPF_NOEXIST) != 0 ||
      bpf_map_update_elem(flows, &received, &back, BPF_NOEXIST) != 0) {
    return no_room("more flows");
  }
  ++number;
  (void)bpf_map_update_elem(tallies, &next, &number, BPF_ANY);
  return {};
}

Result<void> TracePrograms::add_rule(uint32_t space, const trace_rule& rule) {
  if (bpf_map_update_elem(object_->map_descriptor("rules"), &space, &rule, BPF_ANY) == 0) return {};
  return no_room("more containers");
}

Result<void> TracePrograms::attach() {
  return object_->attach();
}

void TracePrograms::detach() {
  object_->detach();
}

int TracePrograms::handle(void* self, void* data, size_t size) {
  if (size < sizeof(trace_event)) return 0;
  trace_event event{};
  std::memcpy(&event, data, sizeof event);
  (*static_cast<TracePrograms*>(self)->on_event_)(event);
  return 0;
}

Result<void> TracePrograms::read(int timeout_ms, const std::function<void(const trace_event&)>& on_event) {
  on_event_ = &on_event;
  const int status = ring_buffer__poll(ring_.get(), timeout_ms);
  on_event_ = nullptr;
  if (status >= 0 || status == -EINTR) return {};
  return fail(ErrorCode::kUnavailable, std::string("reading trace events: ") + std::strerror(-status));
}

TraceCounts TracePrograms::counts() const {
  TraceCounts counts;
  for (uint32_t i = 0; i < counts.tallies.size(); ++i) {
    (void)bpf_map_lookup_elem(object_->map_descriptor("tallies"), &i, &counts.tallies[i]);
  }
  for_each_entry<trace_direction, uint32_t>(
      object_->map_descriptor("flows"), [&](const trace_direction& direction, uint32_t number) {
        if ((number & 1U) != 0) return;
        const uint32_t flow = number & ~SONDE_TRACE_TRANSLATED;
        (flow == number ? counts.flows : counts.translated).emplace(flow, direction);
      });
  for_each_entry<uint32_t, trace_thread>(
      object_->map_descriptor("threads"),
      [&](uint32_t number, const trace_thread& thread) { counts.threads.emplace(number, thread); });
  for_each_entry<trace_rival, uint64_t>(
      object_->map_descriptor("rivals"),
      [&](const trace_rival& rival, uint64_t ns) { counts.rivals.emplace_back(rival, ns); });
  for_each_entry<trace_device_source, uint64_t>(
      object_->map_descriptor("sources"),
      [&](const trace_device_source& source, uint64_t bytes) { counts.sources.emplace_back(source, bytes); });
  return counts;
}

}  // namespace sonde::exporter
