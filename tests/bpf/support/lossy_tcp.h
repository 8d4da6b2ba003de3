#pragma once

#include <cstdint>

namespace sonde::test {

/// Sends `count` × 1 MB to itself over a TCP connection whose receiver drops one packet in ten. The first
/// call moves the process into a network namespace of its own, where that happens.
void send_over_a_lossy_link(uint64_t count);

}  // namespace sonde::test
