#pragma once

#include <string>

#include "common/result.h"

namespace sonde::analyzer {

/// The text of a file, unpacked where it is gzipped, whatever its name.
///
/// Errors: kNotFound, kPermission, kInvalid (broken gzip), kLimit (more than `most_bytes` of text), each
/// naming the path.
Result<std::string> read_text_file(const std::string& path, size_t most_bytes);

}  // namespace sonde::analyzer
