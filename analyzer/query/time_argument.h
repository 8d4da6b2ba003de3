#pragma once

#include <cstdint>
#include <string_view>

#include "common/result.h"

namespace sonde::analyzer {

/// A duration as Prometheus writes it (15s, 1h30m, 500ms; units y w d h m s ms, each once, falling), or a
/// number of seconds. Unit: the result is in milliseconds. Errors: kInvalid.
Result<int64_t> parse_duration_ms(std::string_view text);

/// A time as people give it: seconds since the Unix epoch (1700000000 or 1700000000.25), RFC 3339
/// (2023-11-14T22:13:20Z, 2023-11-14T23:13:20.5+01:00), "now", or a signed duration from now (-1h, +30s).
/// A number without a unit is always a Unix time.
/// Unit: the result is in milliseconds since the Unix epoch; what is finer is cut off. Errors: kInvalid.
Result<int64_t> parse_time_ms(std::string_view text, int64_t now_ms);

}  // namespace sonde::analyzer
