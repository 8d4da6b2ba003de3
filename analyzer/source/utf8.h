#pragma once

#include <string_view>

namespace sonde::analyzer {

/// True for well-formed UTF-8 (no overlong form, no surrogate, at most U+10FFFF), which label values are.
/// Source: RFC 3629 section 4.
bool is_utf8(std::string_view text);

}  // namespace sonde::analyzer
