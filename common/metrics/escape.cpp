#include "common/metrics/escape.h"

#include "common/utf8.h"

namespace sonde::metrics {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  while (!text.empty()) {
    const size_t length = utf8_sequence_length(text);
    if (length == 0) {
      out += kReplacementCharacter;
      text.remove_prefix(1);
      continue;
    }
    if (text.front() == '\\') {
      out += "\\\\";
    } else if (text.front() == '\n') {
      out += "\\n";
    } else if (text.front() == '"' && quotes) {
      out += "\\\"";
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
}

}  // namespace

void append_label_value(std::string& out, std::string_view value) {
  append_escaped(out, value, true);
}

void append_help(std::string& out, std::string_view help) {
  append_escaped(out, help, false);
}

}  // namespace sonde::metrics
