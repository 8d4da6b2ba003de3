#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sonde::exporter {

/// Stall times since the cgroup was made, in microseconds.
struct Pressure {
  uint64_t some_us = 0;  ///< some task waited
  uint64_t full_us =
      0;  ///< all that were not idle waited; 0 where the kernel does not tell it (cpu before 5.13)
};

/// Reads a pressure file: lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and "full …".
/// Source: the kernel's Documentation/accounting/psi.rst. Nothing for any other text.
std::optional<Pressure> parse_pressure(std::string_view text);

/// What io.stat tells of a cgroup, summed over the devices.
struct IoStat {
  uint64_t read_bytes = 0, written_bytes = 0, discarded_bytes = 0;
  uint64_t reads = 0, writes = 0, discards = 0;
};

/// Reads io.stat: a line "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" for each device; keys that are
/// not known are left out. Source: Documentation/admin-guide/cgroup-v2.rst. Nothing for any other text.
std::optional<IoStat> parse_io_stat(std::string_view text);

}  // namespace sonde::exporter
