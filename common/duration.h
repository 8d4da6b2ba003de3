#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sonde {

/// Reads a duration as Prometheus writes it: 500ms, 15s, 1h30m, 0; units y w d h m s ms, each once, falling.
/// Nothing for what is none, or is longer than 3,000 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest of such words: 15s, 90s, 2m, 1500ms.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace sonde
