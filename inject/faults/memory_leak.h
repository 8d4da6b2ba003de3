#pragma once

#include <cstdint>

#include "common/clock.h"
#include "inject/faults/injected_process.h"

namespace sonde::inject {

/// How a leak grows.
struct LeakPlan {
  uint64_t bytes_per_second = 0;
  uint64_t ceiling_bytes = 0;  ///< at level 1
};

/// What a leak that holds `held` bytes holds `seconds` later: it grows at its rate to the level's share of
/// the ceiling; what is above that is given back at once. Unit: bytes.
double leaked_bytes(const LeakPlan& plan, double held, double level, double seconds);

/// Leaks until `lease_end`, in a child of the calling process (figures.worker): figures.amount is what it
/// holds. A child that is killed is replaced by one that begins at nothing, and counted in figures.losses.
void leak(const LeakPlan& plan, SharedFigures& figures, SteadyTime lease_end);

}  // namespace sonde::inject
