#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "analyzer/series/sample.h"

namespace sonde::analyzer {

/// The first line of the output.
inline constexpr std::string_view kCsvHeader = "series,timestamp_ms,value\r\n";

/// A field of CSV, quoted where it needs to be. Source: RFC 4180 section 2.
std::string csv_field(std::string_view text);

/// A value that reads back as the same bits: the shortest decimal form, +Inf, -Inf, and NaN with its payload,
/// nan(0x7ff0000000000002).
std::string csv_value(double value);

/// Appends a line for each sample. `field` is csv_field() of the series' name.
void append_csv(std::string& out, std::string_view field, std::span<const Sample> samples);

/// Appends one line; a gap of a frame is an empty value.
void append_csv_cell(std::string& out, std::string_view field, int64_t timestamp_ms, double value);

}  // namespace sonde::analyzer
