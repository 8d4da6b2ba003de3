// The body of POST /trace, and the ends of connections in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "exporter/flows/tracing/trace_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::exporter;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto end = parse_trace_end(text)) {
    const auto again = parse_trace_end(trace_end_text(end->address, end->port));
    if (!again || again->port != end->port ||
        std::memcmp(&again->address, &end->address, sizeof end->address) != 0) {
      std::abort();
    }
  }
  const auto request = parse_trace_request(text);
  if (!request) {
    if (request.error().message.empty() || request.error().message.find('\n') != std::string::npos)
      std::abort();
    return 0;
  }
  if (request->duration < kShortestTrace || request->duration > kLongestTrace) std::abort();
  if (request->flow && (request->flow->source_port == 0 || request->flow->destination_port == 0))
    std::abort();
  return 0;
}
