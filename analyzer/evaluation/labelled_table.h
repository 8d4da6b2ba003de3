#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace sonde::analyzer {

/// A table of labelled rows as people exchange it: CSV with a header, the last column `label`, the first
/// column `time` where there is one (no feature, in letters of any case), numbers between them.
struct LabelledTable {
  std::vector<std::string> columns;  ///< the features
  std::vector<double> cells;         ///< rows × columns, row-major; NaN: missing
  std::vector<std::string> labels;   ///< one a row
  std::vector<std::string> groups;   ///< one a row where there is a group column, else empty
  size_t missing = 0;                ///< cells that are NaN

  [[nodiscard]] size_t rows() const { return labels.size(); }
};

/// Reads a table from its text, with or without a byte order mark. Cells are decimal numbers; an empty one is
/// missing. `group_column` names a column that is no feature but says which rows belong together (one run,
/// one injection); "": `injection` where there is such a column, which is never a feature: it would tell
/// which rows were one experiment.
///
/// Errors: kInvalid, naming `name` (the file), the line or column and the remedy.
Result<LabelledTable> parse_labelled_table(std::string_view csv, std::string_view name,
                                           std::string_view group_column);

/// The same from a file, gzipped or not. Errors: also those of read_text_file.
Result<LabelledTable> read_labelled_table(const std::string& path, std::string_view group_column);

/// Leaves only the features whose names match a regular expression (ECMAScript) as a whole.
/// Errors: kInvalid where the expression is none or no column matches.
Result<void> keep_columns(LabelledTable& table, const std::string& expression);

/// Brings the features into the order of `columns`. Errors: kInvalid with the names of those that the table
/// lacks; those it has beyond are dropped.
Result<void> arrange_columns(LabelledTable& table, const std::vector<std::string>& columns,
                             std::string_view name);

}  // namespace sonde::analyzer
