#pragma once

#include <cstdint>

#include "common/clock.h"
#include "inject/faults/injected_process.h"

namespace sonde::inject {

/// Keeps the level's share of `count` sleeping children until `lease_end`, at level 1 `beyond` more, fewer
/// where the kernel refuses more; figures.amount: how many there are; figures.losses: how often one more was
/// refused. They die with the calling process.
void keep_sleepers(uint64_t count, uint64_t beyond, SharedFigures& figures, SteadyTime lease_end);

}  // namespace sonde::inject
