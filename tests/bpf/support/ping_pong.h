#pragma once

#include <cstdint>

namespace sonde::test {

/// Sends a byte to a partner process, made at the first call, and waits for its answer; `count` times.
void ping_pong(uint64_t count);

}  // namespace sonde::test
