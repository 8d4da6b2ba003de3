#pragma once

#include <string>
#include <string_view>

namespace sonde::metrics {

/// Appends text as the exposition format wants it inside quotes: `\\`, `\"`, `\n`, and U+FFFD for bytes that
/// are not UTF-8.
void append_label_value(std::string& out, std::string_view value);

/// The same for HELP, where a quote stands for itself.
void append_help(std::string& out, std::string_view help);

}  // namespace sonde::metrics
