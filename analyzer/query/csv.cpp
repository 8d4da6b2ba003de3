#include "analyzer/query/csv.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <iterator>

#include "analyzer/series/frame.h"

namespace sonde::analyzer {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
  return out;
}

std::string csv_value(double value) {
  if (std::isnan(value)) return fmt::format("nan(0x{:016x})", std::bit_cast<uint64_t>(value));
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);  // shortest that reads back the same; keeps the sign of 0
}

void append_csv(std::string& out, std::string_view field, std::span<const Sample> samples) {
  for (const Sample& sample : samples) {
    fmt::format_to(std::back_inserter(out), "{},{},{}\r\n", field, sample.timestamp_ms,
                   csv_value(sample.value));
  }
}

void append_csv_cell(std::string& out, std::string_view field, int64_t timestamp_ms, double value) {
  fmt::format_to(std::back_inserter(out), "{},{},{}\r\n", field, timestamp_ms,
                 is_gap(value) ? "" : csv_value(value));
}

}  // namespace sonde::analyzer
