#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sonde {

/// Reads a number of bytes: 4096, 64KiB, 56MiB, 1GiB, 2TiB. Nothing for what is none.
std::optional<uint64_t> parse_bytes(std::string_view text);

/// For people to read: "512 B", "1.5 MiB".
std::string bytes_text(double bytes);

}  // namespace sonde
