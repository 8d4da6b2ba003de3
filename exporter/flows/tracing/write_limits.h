#pragma once

#include <cstdint>
#include <vector>

#include "bpf/packet_trace.h"

namespace sonde::exporter {

/// Why a socket's bytes could not leave, as each write found it; that holds until the next one.
class WriteLimits {
 public:
  /// Time split by its cause, ns.
  struct Split {
    int64_t window = 0;           ///< the receiver had no room
    int64_t acknowledgement = 0;  ///< older bytes had to be acknowledged first
    int64_t own = 0;              ///< neither
  };

  /// Takes a WRITE event that is not older than those before.
  void add(const trace_event& event);
  /// Splits the time between a write and the departure of one of its bytes.
  [[nodiscard]] Split between(uint64_t from_ns, uint64_t to_ns) const;

 private:
  struct Point {
    uint64_t time_ns;
    uint8_t flags;   ///< from then on
    Split so_far{};  ///< from the first point to this
  };
  [[nodiscard]] Split at(uint64_t time_ns) const;

  std::vector<Point> points_;
};

}  // namespace sonde::exporter
