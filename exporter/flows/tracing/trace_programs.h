#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "bpf/packet_trace.h"
#include "common/result.h"
#include "exporter/bpf_program.h"

struct ring_buffer;

namespace sonde::exporter {

/// What a trace may take of the node.
struct TraceLimits {
  uint32_t events_per_second = 20'000;  ///< enforced in the kernel; further ones are dropped and counted
  size_t events = 100'000;              ///< of one trace, which ends early with them; 48 bytes each
  uint32_t flows = 512;                 ///< of one trace
};

/// What the kernel counted beside the events.
struct TraceCounts {
  std::array<uint64_t, SONDE_TRACE_TALLY_COUNT> tallies{};  ///< by enum trace_tally
  std::map<uint32_t, trace_direction> flows{};              ///< by number, direction bit 0
  std::map<uint32_t, trace_direction> translated{};         ///< the same, as NAT made it of those
  std::map<uint32_t, trace_thread> threads{};
  std::vector<std::pair<trace_rival, uint64_t>> rivals{};           ///< ns
  std::vector<std::pair<trace_device_source, uint64_t>> sources{};  ///< bytes
};

/// The programs of bpf/packet_trace.bpf.c, from load to unload. Threads: one.
class TracePrograms {
 public:
  /// Loads; nothing is attached yet. Errors: as BpfObject::load().
  static Result<std::unique_ptr<TracePrograms>> load(BpfContext& context, const TraceLimits& limits);
  ~TracePrograms();
  TracePrograms(const TracePrograms&) = delete;
  TracePrograms& operator=(const TracePrograms&) = delete;

  /// Traces a flow, both directions; `sent` is what its local end sends. Before attach(). Errors: kLimit.
  Result<void> add_flow(const trace_direction& sent);
  /// Traces what fits a rule of the sockets in a network namespace, by its inode. Before attach().
  /// Errors: kLimit.
  Result<void> add_rule(uint32_t space, const trace_rule& rule);

  /// Errors: as BpfObject::attach().
  Result<void> attach();
  /// Nothing is attached behind it.
  void detach();

  /// Waits for events at most this long and gives each to `on_event`; also when there are none.
  /// Errors: kUnavailable.
  Result<void> read(int timeout_ms, const std::function<void(const trace_event&)>& on_event);
  /// Reads the maps.
  [[nodiscard]] TraceCounts counts() const;

 private:
  explicit TracePrograms(std::unique_ptr<BpfObject> object);
  static int handle(void* self, void* data, size_t size);

  struct RingCloser {
    void operator()(ring_buffer* ring) const;
  };
  std::unique_ptr<BpfObject> object_;
  std::unique_ptr<ring_buffer, RingCloser> ring_;
  const std::function<void(const trace_event&)>* on_event_ = nullptr;
};

}  // namespace sonde::exporter
