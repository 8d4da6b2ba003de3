#pragma once

#include <string>
#include <string_view>

namespace sonde::http {

/// Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3: "gzip" or "*" with a weight above 0).
bool accepts_gzip(std::string_view accept_encoding);

/// The bytes as one gzip member at level 1: the fastest level, and text like ours still shrinks about
/// tenfold. Cost: docs/benchmarks.md. Threads: safe.
std::string gzip(std::string_view bytes);

}  // namespace sonde::http
