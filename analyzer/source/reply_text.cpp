#include "analyzer/source/reply_text.h"

#include <algorithm>

#include "analyzer/source/utf8.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kShortestText = 8;
constexpr size_t kLongestShown = 200;

bool is_printable(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) != 0x7F;
}
bool is_line_space(char c) {
  return c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

bool looks_like_text(std::string_view bytes) {
  return bytes.size() >= kShortestText && std::ranges::all_of(bytes, [](char c) {
           return is_line_space(c) || (is_printable(c) && c < 0x7F && c > 0);
         });
}

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kLongestShown));
  while (!line.empty() && is_line_space(line.back())) line.pop_back();
  const bool whole = is_utf8(line);
  for (char& c : line) {
    if (is_line_space(c)) {
      c = ' ';
    } else if (!is_printable(c) || (!whole && static_cast<unsigned char>(c) >= 0x80)) {
      c = '?';
    }
  }
  return line;
}

}  // namespace sonde::analyzer
