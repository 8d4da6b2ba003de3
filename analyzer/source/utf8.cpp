#include "analyzer/source/utf8.h"

#include <cstdint>
#include <cstring>

namespace sonde::analyzer {
namespace {

struct Lead {
  size_t length;    // of the whole sequence, 0 where the byte cannot begin one
  uint8_t lowest;   // allowed second byte
  uint8_t highest;  // allowed second byte
};

Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0)
    return {3, byte == 0xE0 ? uint8_t{0xA0} : uint8_t{0x80}, byte == 0xED ? uint8_t{0x9F} : uint8_t{0xBF}};
  if (byte < 0xF5)
    return {4, byte == 0xF0 ? uint8_t{0x90} : uint8_t{0x80}, byte == 0xF4 ? uint8_t{0x8F} : uint8_t{0xBF}};
  return {0, 0, 0};
}

bool sequence_ok(std::string_view text, const Lead& lead) {
  if (lead.length == 0 || text.size() < lead.length) return false;
  if (lead.length == 1) return true;
  const auto second = static_cast<uint8_t>(text[1]);
  if (second < lead.lowest || second > lead.highest) return false;
  for (size_t i = 2; i < lead.length; ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xC0) != 0x80) return false;
  }
  return true;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (uint64_t word = 0; text.size() >= sizeof(word)) {  // mostly ASCII: eight at a time
      std::memcpy(&word, text.data(), sizeof(word));
      if ((word & 0x8080808080808080ULL) == 0) {
        text.remove_prefix(sizeof(word));
        continue;
      }
    }
    const Lead lead = lead_of(static_cast<uint8_t>(text.front()));
    if (!sequence_ok(text, lead)) return false;
    text.remove_prefix(lead.length);
  }
  return true;
}

}  // namespace sonde::analyzer
