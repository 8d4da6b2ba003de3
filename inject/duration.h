#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/result.h"

namespace sonde::inject {

/// Reads a duration as Prometheus writes it: "500ms", "30s", "1m30s", "2h". Range: 0 ("0s") to 24 h, because
/// nothing should disturb a container for longer unattended.
/// Errors: kInvalid, with the remedy (the caller names flag and value).
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace sonde::inject
