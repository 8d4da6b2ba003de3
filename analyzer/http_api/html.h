#pragma once

#include <string>
#include <string_view>

namespace sonde::analyzer {

/// Text for HTML: & < > " ' escaped.
std::string html_escape(std::string_view text);

/// A value for a URL's query: all but letters, digits and -._~ as %XX.
std::string url_escape(std::string_view text);

}  // namespace sonde::analyzer
