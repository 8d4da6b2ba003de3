#include "analyzer/http_api/diagnose_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

namespace sonde::analyzer {
namespace {

constexpr int64_t kLongestWindowMs = 7LL * 86'400'000;
constexpr int64_t kShortestWindowMs = 10'000;
/// Clocks differ a little; further ahead it is a mistake.
constexpr int64_t kAheadMs = 60'000;

struct DiagnoseParameter {
  std::string_view name;
  std::string_view meaning;
};
constexpr DiagnoseParameter kDiagnoseParameters[] = {
    {"namespace", "only services of this namespace; empty: of those that have none"},
    {"service", "only this service; without it all"},
    {"time",
     "the diagnosis of a past time: Unix seconds, or RFC 3339 such as 2023-11-14T22:13:20Z; without it now"},
    {"window", "how far back it looks: 10s to 7d, such as 15m; without it analysis.history steps"},
    {"format",
     "json or html; without it a browser gets a page (Accept: text/html) and others, such as curl, JSON"},
};

/// Takes `count` digits off the front.
std::optional<int> digits(std::string_view& text, size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  const auto [end, problem] = std::from_chars(text.begin(), text.begin() + count, value);
  if (problem != std::errc() || end != text.begin() + count || text.front() == '-') return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> fraction_ms(std::string_view& text) {
  if (!skip(text, ".")) return 0;
  int64_t value = 0;
  int64_t scale = 100;
  size_t count = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++count) {
    value += scale * (text.front() - '0');
    scale /= 10;
  }
  if (count == 0) return std::nullopt;
  return value;
}

/// The zone's offset from UTC in seconds.
std::optional<int64_t> zone_seconds(std::string_view& text) {
  if (skip(text, "Zz")) return 0;
  const bool behind = !text.empty() && text.front() == '-';
  if (!skip(text, "+-")) return std::nullopt;
  const std::optional<int> hours = digits(text, 2);
  if (!hours || !skip(text, ":")) return std::nullopt;
  const std::optional<int> minutes = digits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int64_t offset = (*hours * 60LL + *minutes) * 60;
  return behind ? -offset : offset;
}

std::optional<int64_t> rfc3339(std::string_view text) {
  std::tm broken{};
  const auto field = [&](size_t count, int& out, std::string_view separator) {
    const std::optional<int> value = digits(text, count);
    if (!value || (!separator.empty() && !skip(text, separator))) return false;
    out = *value;
    return true;
  };
  if (!field(4, broken.tm_year, "-") || !field(2, broken.tm_mon, "-") || !field(2, broken.tm_mday, "Tt ") ||
      !field(2, broken.tm_hour, ":") || !field(2, broken.tm_min, ":") || !field(2, broken.tm_sec, "")) {
    return std::nullopt;
  }
  const std::tm given = broken;
  broken.tm_year -= 1900;
  broken.tm_mon -= 1;
  if (given.tm_year < 1970 || given.tm_sec > 59) return std::nullopt;
  const std::optional<int64_t> fraction = fraction_ms(text);
  const std::optional<int64_t> zone = fraction ? zone_seconds(text) : std::nullopt;
  if (!zone || !text.empty()) return std::nullopt;
  const time_t seconds = timegm(&broken);
  // timegm moves the 31st of February on to March: such a date is wrong, not another day.
  if (broken.tm_mon + 1 != given.tm_mon || broken.tm_mday != given.tm_mday ||
      broken.tm_hour != given.tm_hour) {
    return std::nullopt;
  }
  return (static_cast<int64_t>(seconds) - *zone) * 1000 + *fraction;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, problem] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// 90s, 15m, 2h, 1d, or seconds without a unit.
std::optional<int64_t> parse_window(std::string_view text) {
  int64_t unit_ms = 1000;
  if (!text.empty()) {
    constexpr std::string_view kUnits = "smhd";
    constexpr int64_t kUnitMs[] = {1000, 60'000, 3'600'000, 86'400'000};
    const size_t unit = kUnits.find(text.back());
    if (unit != std::string_view::npos) {
      unit_ms = kUnitMs[unit];
      text.remove_suffix(1);
    }
  }
  const std::optional<double> count = number(text);
  if (!count || *count <= 0 || *count * static_cast<double>(unit_ms) > 1e15) return std::nullopt;
  return static_cast<int64_t>(*count * static_cast<double>(unit_ms));
}

/// The quality that an Accept header gives a media type by its exact name; nothing if it does not name it.
std::optional<double> quality(std::string_view accept, std::string_view type) {
  while (!accept.empty()) {
    const size_t comma = std::min(accept.find(','), accept.size());
    std::string_view part = accept.substr(0, comma);
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    if (!part.starts_with(type)) continue;
    const size_t q = part.find("q=");
    return q == std::string_view::npos ? 1.0 : number(part.substr(q + 2)).value_or(1.0);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
  constexpr double kLatest = 253'402'300'799;  // the end of the year 9999
  if (const std::optional<double> seconds = number(text)) {
    if (*seconds < 0 || *seconds > kLatest) return std::nullopt;
    return std::llround(*seconds * 1000);
  }
  return rfc3339(text);
}

std::string time_text(int64_t time_ms) {
  const auto seconds = static_cast<time_t>(time_ms / 1000);
  std::tm broken{};
  gmtime_r(&seconds, &broken);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", broken.tm_year + 1900, broken.tm_mon + 1,
                     broken.tm_mday, broken.tm_hour, broken.tm_min, broken.tm_sec, time_ms % 1000);
}

bool prefers_html(std::string_view accept) {
  const std::optional<double> html = quality(accept, "text/html");
  const std::optional<double> json = quality(accept, "application/json");
  return html && *html > 0 && (!json || *html > *json);
}

std::vector<http::PageParameter> diagnose_parameters() {
  std::vector<http::PageParameter> parameters;
  for (const DiagnoseParameter& one : kDiagnoseParameters) {
    parameters.push_back({std::string(one.name), std::string(one.meaning)});
  }
  return parameters;
}

Result<DiagnoseRequest> parse_diagnose_request(const http::Request& request, int64_t now_ms) {
  DiagnoseRequest parsed;
  const auto text_of = [&](const char* name) -> std::optional<std::string> {
    const auto found = request.parameters.find(name);
    return found == request.parameters.end() ? std::nullopt : std::optional(found->second);
  };
  for (const auto& [name, value] : request.parameters) {
    if (std::ranges::find(kDiagnoseParameters, name, &DiagnoseParameter::name) ==
        std::end(kDiagnoseParameters)) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("{}={}: unknown parameter; use namespace, service, time, window, format", name, value));
    }
  }
  parsed.name_space = text_of("namespace");
  parsed.service = text_of("service");
  if (parsed.service && parsed.service->empty()) parsed.service.reset();
  const std::string time = request.parameter("time");
  if (!time.empty()) {
    parsed.time_ms = parse_time(time);
    if (!parsed.time_ms) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("time={}: use Unix seconds (1700000000.5) or RFC 3339 (2023-11-14T22:13:20Z); "
                              "a + in an offset is written %2B in a URL",
                              time));
    }
    if (*parsed.time_ms > now_ms + kAheadMs) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("time={}: is in the future; it is {} now", time, time_text(now_ms)));
    }
  }
  const std::string window = request.parameter("window");
  if (!window.empty()) {
    const std::optional<int64_t> window_ms = parse_window(window);
    if (!window_ms || *window_ms < kShortestWindowMs || *window_ms > kLongestWindowMs) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("window={}: use 10s to 7d, such as 90s, 15m or 2h", window));
    }
    parsed.window_ms = *window_ms;
  }
  const std::string format = request.parameter("format");
  if (!format.empty() && format != "json" && format != "html") {
    return fail(ErrorCode::kInvalid, fmt::format("format={}: use json or html", format));
  }
  parsed.html = format.empty() ? prefers_html(request.header("accept")) : format == "html";
  return parsed;
}

}  // namespace sonde::analyzer
