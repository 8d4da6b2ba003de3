#include "common/metrics/labels.h"

#include <cstdint>

namespace sonde::metrics {
namespace {

/// Length of the valid UTF-8 sequence at the start of text, 0 if there is none (RFC 3629: no overlong forms,
/// no surrogates, nothing above U+10FFFF).
size_t utf8_sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

void append_escaped(std::string& out, std::string_view value) {
  while (!value.empty()) {
    const size_t length = utf8_sequence_length(value);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      value.remove_prefix(1);
      continue;
    }
    if (value.front() == '\\') {
      out += "\\\\";
    } else if (value.front() == '"') {
      out += "\\\"";
    } else if (value.front() == '\n') {
      out += "\\n";
    } else {
      out.append(value.substr(0, length));
    }
    value.remove_prefix(length);
  }
}

}  // namespace

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  for (const auto& [name, value] : pairs) add(name, value);
}

void Labels::add(std::string_view name, std::string_view value) {
  if (!text_.empty()) text_ += ',';
  text_ += name;
  text_ += "=\"";
  append_escaped(text_, value);
  text_ += '"';
}

}  // namespace sonde::metrics
