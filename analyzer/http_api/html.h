#pragma once

#include <string>
#include <string_view>

namespace sonde::analyzer {

/// A value for a URL's query: all but letters, digits and -._~ as %XX.
std::string url_escape(std::string_view text);

}  // namespace sonde::analyzer
