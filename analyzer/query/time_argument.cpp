#include "analyzer/query/time_argument.h"

#include <chrono>
#include <optional>
#include <string>

#include "common/duration.h"

namespace sonde::analyzer {
namespace {

/// Far enough for any sample (year 5000 or so) and far from any overflow.
constexpr int64_t kFarthestMs = 100'000'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes `count` digits (or, for count 0, all there are) off the beginning.
std::optional<int64_t> take_digits(std::string_view& text, size_t count = 0) {
  size_t length = 0;
  while (length < text.size() && is_digit(text[length]) && (count == 0 || length < count)) ++length;
  if (length == 0 || length > 15 || (count != 0 && length != count)) return std::nullopt;
  int64_t value = 0;
  for (const char digit : text.substr(0, length)) value = 10 * value + (digit - '0');
  text.remove_prefix(length);
  return value;
}

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

/// ".25" → 250; nothing → 0.
std::optional<int64_t> take_fraction_ms(std::string_view& text) {
  if (!take(text, ".")) return 0;
  int64_t milliseconds = 0;
  int64_t weight = 100;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), weight /= 10) {
    milliseconds += (text.front() - '0') * weight;
  }
  return milliseconds;
}

/// A whole decimal number of seconds.
std::optional<int64_t> seconds_to_ms(std::string_view text) {
  const bool negative = take(text, "-");
  const std::optional<int64_t> whole = take_digits(text);
  const std::optional<int64_t> fraction = take_fraction_ms(text);
  if (!whole || !fraction || !text.empty() || *whole > kFarthestMs / 1000) return std::nullopt;
  const int64_t milliseconds = *whole * 1000 + *fraction;
  return negative ? -milliseconds : milliseconds;
}

/// The offset's part of RFC 3339: Z or ±hh:mm.
std::optional<int64_t> take_offset_ms(std::string_view& text) {
  if (take(text, "Z") || take(text, "z")) return 0;
  const bool west = take(text, "-");
  if (!west && !take(text, "+")) return std::nullopt;
  const std::optional<int64_t> hours = take_digits(text, 2);
  if (!take(text, ":")) return std::nullopt;
  const std::optional<int64_t> minutes = take_digits(text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int64_t milliseconds = (*hours * 60 + *minutes) * 60'000;
  return west ? -milliseconds : milliseconds;
}

std::optional<int64_t> rfc3339_to_ms(std::string_view text) {
  namespace chr = std::chrono;
  const auto year = take_digits(text, 4);
  const auto month = take(text, "-") ? take_digits(text, 2) : std::nullopt;
  const auto day = take(text, "-") ? take_digits(text, 2) : std::nullopt;
  const bool separated = take(text, "T") || take(text, "t") || take(text, " ");
  const auto hour = separated ? take_digits(text, 2) : std::nullopt;
  const auto minute = take(text, ":") ? take_digits(text, 2) : std::nullopt;
  const auto second = take(text, ":") ? take_digits(text, 2) : std::nullopt;
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const auto fraction = take_fraction_ms(text);
  const auto offset = take_offset_ms(text);
  const chr::year_month_day date(chr::year(static_cast<int>(*year)),
                                 chr::month(static_cast<unsigned>(*month)),
                                 chr::day(static_cast<unsigned>(*day)));
  if (!fraction || !offset || !text.empty() || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const int64_t days = chr::sys_days(date).time_since_epoch().count();
  return ((days * 24 + *hour) * 60 + *minute) * 60'000 + *second * 1000 + *fraction - *offset;
}

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
  if (const auto seconds = seconds_to_ms(text); seconds && *seconds >= 0) return *seconds;
  if (const auto duration = parse_duration(text)) return duration->count();
  return fail(ErrorCode::kInvalid,
              "'" + std::string(text) + "' is not a duration: write 15s, 1h30m or a number of seconds");
}

Result<int64_t> parse_time_ms(std::string_view text, int64_t now_ms) {
  if (text == "now") return now_ms;
  if (const auto unix_ms = seconds_to_ms(text)) return *unix_ms;
  if (text.starts_with('-') || text.starts_with('+')) {
    if (const auto distance = parse_duration(text.substr(1))) {
      return text.front() == '-' ? now_ms - distance->count() : now_ms + distance->count();
    }
  } else if (const auto rfc3339 = rfc3339_to_ms(text)) {
    return *rfc3339;
  }
  return fail(
      ErrorCode::kInvalid,
      "'" + std::string(text) + "' is not a time: write Unix seconds, 2023-11-14T22:13:20Z, now, or -1h");
}

}  // namespace sonde::analyzer
