#include "exporter/v2_files.h"

#include <array>
#include <utility>

#include "identity/cgroup_file.h"

namespace sonde::exporter {
namespace {

/// Takes the text up to the separator, and the separator, off.
std::string_view take(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

/// The number of a word "key=number".
std::optional<uint64_t> value_of(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  return identity::parse_integer<uint64_t>(word.substr(equals + 1));
}

}  // namespace

std::optional<Pressure> parse_pressure(std::string_view text) {
  Pressure pressure;
  bool any = false;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view kind = take(line, ' ');
    if (kind != "some" && kind != "full") return std::nullopt;
    std::optional<uint64_t> total;
    while (!line.empty()) {
      const std::string_view word = take(line, ' ');
      if (word.starts_with("total=")) total = value_of(word);
    }
    if (!total) return std::nullopt;
    (kind == "some" ? pressure.some_us : pressure.full_us) = *total;
    any |= kind == "some";
  }
  return any ? std::optional(pressure) : std::nullopt;
}

std::optional<IoStat> parse_io_stat(std::string_view text) {
  IoStat stat;
  const std::array<std::pair<std::string_view, uint64_t*>, 6> fields{{{"rbytes=", &stat.read_bytes},
                                                                      {"wbytes=", &stat.written_bytes},
                                                                      {"dbytes=", &stat.discarded_bytes},
                                                                      {"rios=", &stat.reads},
                                                                      {"wios=", &stat.writes},
                                                                      {"dios=", &stat.discards}}};
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view device = take(line, ' ');
    if (device.find(':') == std::string_view::npos) return std::nullopt;
    while (!line.empty()) {
      const std::string_view word = take(line, ' ');
      for (const auto& [key, field] : fields) {
        if (!word.starts_with(key)) continue;
        const auto value = value_of(word);
        if (!value) return std::nullopt;
        *field += *value;
      }
    }
  }
  return stat;
}

}  // namespace sonde::exporter
