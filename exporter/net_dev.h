#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sonde::exporter {

/// The counters of an interface, in the order of net_dev_counters.
enum class NetDevCounter : size_t {
  kReceiveBytes,
  kReceivePackets,
  kReceiveErrors,
  kReceiveDrops,
  kTransmitBytes,
  kTransmitPackets,
  kTransmitErrors,
  kTransmitDrops,
};
inline constexpr size_t kNetDevCounters = 8;
using NetDevCounters = std::array<uint64_t, kNetDevCounters>;

struct NetDevice {
  std::string_view name;  ///< points into the text that was read
  NetDevCounters counters{};
};

/// What the text of a /proc/PID/net/dev file holds.
struct NetDev {
  std::vector<NetDevice> devices;
  size_t malformed = 0;  ///< lines behind the two of the heading that are of another form
};

/// Reads /proc/PID/net/dev. Source: proc(5), net/core/net-procfs.c.
NetDev parse_net_dev(std::string_view text);

}  // namespace sonde::exporter
