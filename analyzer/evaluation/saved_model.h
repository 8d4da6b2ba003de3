#pragma once

#include <string>

#include "analyzer/evaluation/classify.h"
#include "analyzer/evaluation/labelled_table.h"
#include "common/result.h"

namespace sonde::analyzer {

/// How the newest model of a folder (one that can be used) tells the rows of a table: of all its classifiers,
/// or of the one that is named. Errors: kInvalid, kNotFound, kPermission, naming the folder, or `table_name`
/// and the columns that it lacks.
Result<ClassifyOutcome> classify_with_saved(const std::string& folder, const std::string& algorithm,
                                            LabelledTable table, const std::string& table_name);

}  // namespace sonde::analyzer
