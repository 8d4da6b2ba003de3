#include "exporter/flows/tracing/trigger_rules.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "common/duration.h"

namespace sonde::exporter {
namespace {

constexpr std::string_view kEveryService = "*";
/// Fewer samples of a connection say nothing of what is usual.
constexpr uint32_t kFewestSamples = 8;
/// Below it a multiple of what is usual is nothing to be traced: 20 µs in place of 5.
constexpr uint64_t kRelativeFloorNs = 1'000'000;
constexpr uint64_t kNsPerMs = 1'000'000;
constexpr double kLargestFactor = 1000;

/// SERVICE and what follows the last '='; empty where there is none.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return {};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

Result<void> add_absolute_rule(std::string_view text, TriggerRules& rules) {
  const auto [service, value] = split(text);
  const auto duration = parse_duration(value);
  if (service.empty() || !duration || duration->count() == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: give SERVICE=DURATION, such as api=60ms or *=200ms", text));
  }
  rules[std::string(service)].absolute = *duration;
  return {};
}

Result<void> add_relative_rule(std::string_view text, TriggerRules& rules) {
  const auto [service, value] = split(text);
  double factor = 0;
  const char* const end = value.data() + value.size();
  const auto [parsed_to, error] = std::from_chars(value.data(), end, factor);
  const bool good = error == std::errc() && parsed_to == end && factor > 1 && factor <= kLargestFactor;
  if (service.empty() || !good) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: give SERVICE=FACTOR above 1 and at most 1000, such as api=3 or *=5", text));
  }
  rules[std::string(service)].relative_percent = static_cast<uint32_t>(std::lround(factor * 100));
  return {};
}

flow_threshold threshold_of(const TriggerRules& rules, std::string_view service) {
  auto found = rules.find(service);
  if (found == rules.end()) found = rules.find(kEveryService);
  if (found == rules.end()) return {};
  flow_threshold threshold{};
  threshold.absolute_ns = static_cast<uint64_t>(found->second.absolute.count()) * kNsPerMs;
  threshold.relative_percent = found->second.relative_percent;
  threshold.floor_ns = kRelativeFloorNs;
  threshold.min_samples = kFewestSamples;
  return threshold;
}

}  // namespace sonde::exporter
