#pragma once

#include <cstdint>

namespace sonde::test {

/// Sends `count` × 1 MB to itself over a TCP connection whose receiver drops one packet in ten. The first
/// call moves the process into a network namespace of its own, where that happens.
void send_over_a_lossy_link(uint64_t count);

/// `count` times: sends something that gets lost and takes away the route for a second, in which TCP cannot
/// send it again. Takes two seconds each, in a network namespace as above.
void send_while_the_route_is_away(uint64_t count);

}  // namespace sonde::test
