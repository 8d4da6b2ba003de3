#pragma once

#include <cstdint>
#include <utility>

#include "analyzer/evaluation/labelled_table.h"

namespace sonde::analyzer {

/// The part to learn from and the part to be tested with.
struct TableSplit {
  LabelledTable train;
  LabelledTable test;
};

/// Draws `test_share` of the rows at random. Rows of one run end in both parts, so the result flatters.
/// Errors: kInvalid where a part would be empty.
Result<TableSplit> split_rows(const LabelledTable& table, double test_share, uint64_t seed);

/// Draws, for each label, `test_share` of the groups that have it, at least one: no group is in both parts.
/// A group with several labels (a fault and what was normal before it) is drawn by the rarest of them.
/// Errors: kInvalid where a label could not be learnt. REQUIRES: the table has groups.
Result<TableSplit> split_groups(const LabelledTable& table, double test_share, uint64_t seed);

}  // namespace sonde::analyzer
