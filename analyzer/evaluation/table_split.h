#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "analyzer/evaluation/labelled_table.h"

namespace sonde::analyzer {

/// The part to learn from and the part to be tested with.
struct TableSplit {
  LabelledTable train;
  LabelledTable test;
  LabelledTable calibration;  ///< rows of where `test` is from that are known to be normal; may be empty
};

/// Errors: kInvalid where all rows have one label: nothing could be told apart. REQUIRES: there are rows.
Result<void> require_two_labels(const LabelledTable& table);

/// Draws `test_share` of the rows at random. Rows of one run end in both parts, so the result flatters.
/// Errors: kInvalid where a part would be empty or all rows have one label. REQUIRES: there are rows.
Result<TableSplit> split_rows(const LabelledTable& table, double test_share, uint64_t seed);

/// Draws, for each label, `test_share` of the groups that have it, at least one: no group is in both parts.
/// A group with several labels (a fault and what was normal before it) is drawn by the rarest of them.
/// Errors: kInvalid where a label could not be learnt or all rows have one. REQUIRES: rows with groups.
Result<TableSplit> split_groups(const LabelledTable& table, double test_share, uint64_t seed);

/// The label of rows without a fault.
inline constexpr std::string_view kNormalLabel = "normal";

/// Rows that a calibration needs at least: fewer tell little of how much normal varies.
inline constexpr size_t kLeastCalibrationRows = 30;

/// Splits the table's first `count` rows that are labelled normal off (`calibration`) from the others
/// (`test`). Errors: kInvalid, naming `name`, where it has not that many, or a column has no value in them.
Result<TableSplit> split_calibration(const LabelledTable& table, size_t count, std::string_view name);

/// Errors: kInvalid, naming `name` and the column, where one has no value in any row: nothing is known of it.
Result<void> expect_values(const LabelledTable& table, std::string_view name);

/// The rows with that label.
LabelledTable rows_labelled(const LabelledTable& table, std::string_view label);

}  // namespace sonde::analyzer
