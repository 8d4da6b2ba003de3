#include "common/duration.h"

#include <array>
#include <charconv>
#include <utility>

namespace sonde {
namespace {

using std::chrono::milliseconds;

/// Far from any overflow.
constexpr int64_t kLongestMs = 100'000'000'000'000;
/// "ms" stands before "m", its beginning; otherwise from the largest down.
constexpr std::array<std::pair<std::string_view, int64_t>, 7> kUnits{{{"y", 31'536'000'000},
                                                                      {"w", 604'800'000},
                                                                      {"d", 86'400'000},
                                                                      {"h", 3'600'000},
                                                                      {"ms", 1},
                                                                      {"m", 60'000},
                                                                      {"s", 1'000}}};

/// Takes a number off the beginning.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

/// Takes a unit off the beginning: its ms.
std::optional<int64_t> take_unit(std::string_view& text) {
  for (const auto& [name, ms] : kUnits) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return ms;
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return milliseconds(0);
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  int64_t last_unit = kLongestMs;
  while (!text.empty()) {
    const std::optional<int64_t> number = take_number(text);
    const std::optional<int64_t> unit = take_unit(text);
    // "5s1m" and "5s5s" are typing errors.
    if (!number || !unit || *unit >= last_unit || *number > (kLongestMs - total) / *unit) return std::nullopt;
    total += *number * *unit;
    last_unit = *unit;
  }
  return milliseconds(total);
}

std::string duration_text(milliseconds duration) {
  const int64_t ms = duration.count();
  if (ms != 0 && ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms != 0 && ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

}  // namespace sonde
