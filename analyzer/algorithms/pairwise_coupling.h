#pragma once

#include <span>

namespace sonde::analyzer {

/// The probabilities of the classes that agree best with those of each pair.
///
/// Shape: `pairwise` holds classes × classes, row-major: at (i, j) the probability of i given that it is i or
/// j, > 0, with (i, j) + (j, i) = 1; the diagonal is not read. `out` has one value a class; they sum to 1.
/// Source: Wu, Lin, Weng 2004, "Probability estimates for multi-class classification by pairwise coupling",
/// algorithm 2. Cost: O(classes²) an iteration, at most 100.
void couple_pairwise(std::span<const double> pairwise, std::span<double> out);

}  // namespace sonde::analyzer
