#pragma once

#include <cstddef>
#include <string_view>

namespace sonde {

/// What stands for bytes that are not UTF-8 wherever text is written for others: U+FFFD.
inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";

/// Length in bytes of the valid UTF-8 sequence at the start of text, 0 if there is none: no overlong forms,
/// no surrogates, nothing above U+10FFFF. REQUIRES: text is not empty. Source: RFC 3629, section 4.
size_t utf8_sequence_length(std::string_view text);

}  // namespace sonde
