#include "exporter/net_dev.h"

#include <charconv>
#include <optional>

namespace sonde::exporter {
namespace {

/// Columns of a line: 8 of receiving, 8 of sending; which of them each counter is.
constexpr size_t kColumns = 16;
constexpr std::array<size_t, kNetDevCounters> kColumnOf{0, 1, 2, 3, 8, 9, 10, 11};

std::optional<NetDevice> parse_line(std::string_view line) {
  // The name may hold colons itself (an alias); the counters cannot.
  const size_t colon = line.rfind(':');
  const size_t name_start = line.find_first_not_of(' ');
  if (colon == std::string_view::npos || name_start >= colon) return std::nullopt;
  NetDevice device;
  device.name = line.substr(name_start, colon - name_start);

  std::array<uint64_t, kColumns> columns{};
  const char* at = line.data() + colon + 1;
  const char* const end = line.data() + line.size();
  for (uint64_t& column : columns) {
    while (at != end && *at == ' ') ++at;
    const auto [next, error] = std::from_chars(at, end, column);
    if (error != std::errc() || (next != end && *next != ' ')) return std::nullopt;
    at = next;
  }
  for (size_t i = 0; i < kNetDevCounters; ++i) device.counters[i] = columns[kColumnOf[i]];
  return device;
}

}  // namespace

NetDev parse_net_dev(std::string_view text) {
  NetDev result;
  for (size_t number = 0; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (number < 2) continue;  // "Inter-| Receive …", " face |bytes …"
    if (const auto device = parse_line(line)) {
      result.devices.push_back(*device);
    } else {
      ++result.malformed;
    }
  }
  return result;
}

}  // namespace sonde::exporter
