#include "inject/faults/fault_flags.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <cmath>

#include "common/byte_size.h"

namespace sonde::inject {

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Result<uint64_t> read_count(std::string_view flag, const std::string& text, uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > most) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}={}: give a whole number from 1 to {}", flag, text, most));
  }
  return value;
}

Result<uint64_t> read_size(std::string_view flag, const std::string& text) {
  const auto bytes = parse_bytes(text);
  if (!bytes || *bytes == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}={}: give a size above 0, such as 512KiB or 5MiB", flag, text));
  }
  return *bytes;
}

void MinEffect::add_to(CLI::App& app, std::string_view asked) {
  app.add_option(
         "--min-effect", text_,
         fmt::format("Share of {} that must be measured for the fault to count as active, above 0 and "
                     "at most 1",
                     asked))
      ->type_name("RATIO")
      ->default_str(text_);
}

Result<void> MinEffect::check() {
  const auto value = parse_number(text_);
  if (!value || !(*value > 0) || *value > 1) {
    return fail(ErrorCode::kInvalid, fmt::format("--min-effect={}: give a number above 0, at most 1", text_));
  }
  value_ = *value;
  return {};
}

}  // namespace sonde::inject
