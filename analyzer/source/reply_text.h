#pragma once

#include <string>
#include <string_view>

namespace sonde::analyzer {

/// True where the bytes can only be a message for people: at least 8 characters, all of them printable.
bool looks_like_text(std::string_view bytes);

/// A server's words in a form fit for a one-line error: unprintable bytes become '?', line ends spaces, at
/// most 200 characters.
std::string one_line(std::string_view text);

}  // namespace sonde::analyzer
