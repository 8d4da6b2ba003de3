#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "bpf/packet_trace.h"

namespace sonde::exporter {

/// When each thread could run and waited for a CPU, and when it used a connection.
class Waits {
 public:
  /// Takes events in the order of time.
  explicit Waits(std::span<const trace_event* const> events);

  /// How long a thread waited between two times, ns.
  [[nodiscard]] int64_t within(uint32_t thread, uint64_t from_ns, uint64_t to_ns) const;
  /// How long it waited since it last read or wrote before `at_ns`; 0 where that is not known.
  [[nodiscard]] int64_t before_use(uint32_t thread, uint64_t at_ns) const;

 private:
  struct Wait {
    uint64_t from_ns;
    uint64_t to_ns;
  };
  struct Thread {
    std::vector<Wait> waits;     ///< none overlaps another
    std::vector<uint64_t> uses;  ///< in the order of time
  };
  std::unordered_map<uint32_t, Thread> threads_;
};

}  // namespace sonde::exporter
