#pragma once

#include <string>
#include <string_view>

namespace sonde {

/// Text for HTML, SVG and XML: & < > " ' escaped.
std::string escape_markup(std::string_view text);

}  // namespace sonde
