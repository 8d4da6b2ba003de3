#include <fmt/format.h>

#include <algorithm>

#include "analyzer/source/query_range_reply.h"
#include "analyzer/source/selector.h"

namespace sonde::analyzer {
namespace {

/// Prometheus refuses more points for one series.
constexpr int64_t kMostPoints = 11'000;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// Exact, for any sign.
std::string seconds(int64_t milliseconds) {
  const bool negative = milliseconds < 0;
  const uint64_t size =
      negative ? 0 - static_cast<uint64_t>(milliseconds) : static_cast<uint64_t>(milliseconds);
  return fmt::format("{}{}.{:03}", negative ? "-" : "", size / 1000, size % 1000);
}

}  // namespace

std::vector<HttpRequest> make_query_range_requests(const Selector& selector, int64_t start_ms, int64_t end_ms,
                                                   int64_t step_ms) {
  std::vector<HttpRequest> requests;
  const std::string query = percent_encoded(selector_text(selector));
  const int64_t last_ms = start_ms + (end_ms - start_ms) / step_ms * step_ms;
  for (int64_t from = start_ms; from <= last_ms; from += kMostPoints * step_ms) {
    HttpRequest& request = requests.emplace_back();
    const int64_t to = std::min(last_ms, from + (kMostPoints - 1) * step_ms);
    request.path = "/api/v1/query_range";
    request.content_type = "application/x-www-form-urlencoded";
    request.body =
        fmt::format("query={}&start={}&end={}&step={}", query, seconds(from), seconds(to), seconds(step_ms));
  }
  return requests;
}

}  // namespace sonde::analyzer
