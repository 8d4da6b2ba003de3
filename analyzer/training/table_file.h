#pragma once

#include <string>

#include "analyzer/training/dataset.h"
#include "common/result.h"

namespace sonde::analyzer {

/// The rows as CSV: `time` (Unix seconds), the features, `injection` where asked for, `label`. Numbers read
/// back as the same bits.
std::string dataset_csv(const Dataset& dataset, bool injection_column);

/// Writes a text to a file, gzipped where its name ends in .gz; it appears whole or not at all. Errors:
/// kPermission or kUnavailable, naming the path.
Result<void> write_table_file(const std::string& path, const std::string& text);

}  // namespace sonde::analyzer
