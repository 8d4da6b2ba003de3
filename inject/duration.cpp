#include "inject/duration.h"

#include <array>
#include <charconv>
#include <utility>

namespace sonde::inject {
namespace {

constexpr int64_t kLongestMs = 24LL * 3600 * 1000;
// Longest unit first, as Prometheus wants them; "ms" before "m" so that the longer word is tried first.
constexpr std::array<std::pair<std::string_view, int64_t>, 4> kUnits = {
    {{"h", 3600 * 1000}, {"ms", 1}, {"m", 60 * 1000}, {"s", 1000}}};

tl::unexpected<Error> refuse() {
  return fail(ErrorCode::kInvalid, "no duration up to 24h; write for example 500ms, 30s or 1m30s");
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  int64_t total = 0;
  int64_t last_unit = kLongestMs;
  std::string_view rest = text;
  if (rest.empty()) return refuse();
  while (!rest.empty()) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || number < 0 || number > kLongestMs) return refuse();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    int64_t unit = 0;
    for (const auto& [word, milliseconds] : kUnits) {
      if (rest.starts_with(word)) {
        unit = milliseconds;
        rest.remove_prefix(word.size());
        break;
      }
    }
    if (unit == 0 || unit >= last_unit) return refuse();  // "5s1m", "5s5s" and "5" are typing errors
    last_unit = unit;
    total += number * unit;
    if (total > kLongestMs) return refuse();
  }
  return std::chrono::milliseconds(total);
}

}  // namespace sonde::inject
