#pragma once

#include <cstddef>
#include <string>

#include "common/result.h"

namespace sonde {

/// The whole of a regular file of at most `longest` bytes. Errors: kNotFound, kPermission, kInvalid, kLimit;
/// the message is the reason and the remedy, without the path. What is no regular file, such as a pipe, is
/// refused: it could not be read a second time.
Result<std::string> read_file(const std::string& path, size_t longest = size_t{1} << 20);

}  // namespace sonde
