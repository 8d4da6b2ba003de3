#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bpf/packet_trace.h"
#include "common/result.h"

namespace sonde::exporter {

/// An end of a connection. Port 0: any.
struct TraceEnd {
  flow_address address{};
  uint16_t port = 0;
};

/// The container whose connections are traced; "" is any.
struct TraceContainer {
  std::string name_space;
  std::string pod;
  std::string container;
  std::string service;
};

/// Which connections are traced, and for how long.
struct TraceRequest {
  std::optional<trace_direction> flow{};  ///< this one: source is its local end
  std::optional<uint32_t> space{};        ///< else all of this network namespace (a trigger's) ...
  TraceContainer container{};             ///< else all of this container ...
  std::optional<TraceEnd> remote{};       ///< ... with this other end, if given
  std::chrono::milliseconds duration{5000};
};

inline constexpr std::chrono::milliseconds kShortestTrace{100};
inline constexpr std::chrono::milliseconds kLongestTrace{60'000};

/// Reads the body of POST /trace, JSON:
///   {"flow": {"local": "10.0.0.1:4711", "remote": "10.0.0.2:80"}, "seconds": 5}
///   {"container": {"service": "api", "pod": "api-1"}, "remote": "10.0.0.2", "seconds": 5}
/// Errors: kInvalid, naming the key, the value and the remedy; also for a key that it does not know.
Result<TraceRequest> parse_trace_request(std::string_view body);

/// Reads 10.0.0.2, 10.0.0.2:80, fd00::2 or [fd00::2]:80. Errors: kInvalid.
Result<TraceEnd> parse_trace_end(std::string_view text);
/// As parse_trace_end() reads it; without the port where it is 0.
std::string trace_end_text(const flow_address& address, uint16_t port = 0);

}  // namespace sonde::exporter
