#pragma once

#include <cstdint>
#include <span>

#include "analyzer/algorithms/padded_rows.h"

namespace sonde::analyzer {

/// A row that a hyperplane is to be put on the right side of.
struct SidedRow {
  uint32_t row = 0;
  double side = 1;  ///< +1 or -1
  double cost = 1;  ///< C: what a unit on the wrong side costs, > 0
};

/// The weights w of the hyperplane through the origin that minimise |w|²/2 + Σ cost · max(0, 1 - side ·
/// w·row).
///
/// Dual coordinate descent with shrinking: rows whose multiplier has settled at a bound are left out until
/// the rest is solved. Ends when no multiplier's projected gradient differs by more than `epsilon` from
/// another's, at the latest after 1,000 sweeps. Deterministic by `seed`. Cost: O(rows · columns) a sweep.
/// Shape: the result is one row of as many packs. Source: Hsieh et al. 2008, algorithms 1 and 3.
PaddedRows solve_hinge_loss(const PaddedRows& rows, std::span<const SidedRow> sided, double epsilon,
                            uint64_t seed);

}  // namespace sonde::analyzer
