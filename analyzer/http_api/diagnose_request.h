#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/report/report.h"
#include "common/http/message.h"
#include "common/result.h"

namespace sonde::analyzer {

/// What GET /diagnose asks for.
struct DiagnoseRequest {
  std::optional<std::string> name_space;
  std::optional<std::string> service;
  std::optional<int64_t> time_ms;  ///< nothing: now
  int64_t window_ms = 0;           ///< 0: the configured one
  bool html = false;
};

/// The parameters that GET /diagnose takes, explained.
std::vector<http::PageParameter> diagnose_parameters();

/// Reads the query string and the Accept header.
/// Errors: kInvalid, naming the parameter, its value and the remedy.
Result<DiagnoseRequest> parse_diagnose_request(const http::Request& request, int64_t now_ms);

/// Seconds since the Unix epoch (1700000000, 1700000000.25) or RFC 3339 (2023-11-14T22:13:20Z, with a
/// fraction, with an offset). Unit of the result: milliseconds. Nothing for anything else.
std::optional<int64_t> parse_time(std::string_view text);

/// 2023-11-14T22:13:20.000Z.
std::string time_text(int64_t time_ms);

/// True where the Accept header prefers text/html to JSON: a browser's does, curl's does not.
bool prefers_html(std::string_view accept);

}  // namespace sonde::analyzer
