#pragma once

#include <cstdint>
#include <vector>

namespace sonde::analyzer {

/// A row and the rank of its value in one column.
struct RankedRow {
  uint32_t rank = 0;
  uint32_t row = 0;
};

/// Sorts by rank; rows of one rank in any order. `largest` is the largest rank, `scratch` is overwritten.
///
/// A radix sort where there are many rows: O(n) for each 11 bits of `largest`.
void sort_by_rank(std::vector<RankedRow>& rows, std::vector<RankedRow>& scratch, uint32_t largest);

}  // namespace sonde::analyzer
