// The query string of /diagnose: the bytes are "name=value" lines, the first line the Accept header.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "analyzer/http_api/diagnose_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = [&text] {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return taken;
  };
  http::Request request;
  request.headers["accept"] = line();
  while (!text.empty()) {
    const std::string_view pair = line();
    const size_t equals = std::min(pair.find('='), pair.size());
    request.parameters.emplace(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
  }
  constexpr int64_t kNow = 1'700'000'000'000;
  const auto parsed = analyzer::parse_diagnose_request(request, kNow);
  if (parsed && parsed->time_ms && (*parsed->time_ms < 0 || *parsed->time_ms > kNow + 60'000)) std::abort();
  return 0;
}
