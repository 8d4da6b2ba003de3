// Raw bytes of a connection through the guard and, request by request, through cpp-httplib to a handler,
// without a socket. The first byte says in how large pieces they arrive.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/http/exchange.h"
#include "common/http/guard.h"

namespace {

using sonde::http::RequestGuard;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What the guard promises of every request that it lets through.
void check(const sonde::http::GuardedRequest& request) {
  require(request.head.ends_with("\r\n\r\n"));
  require(request.body.size() <= 65536 && request.head.size() <= 3UL * 65536);
  require(request.head.find('\0') == std::string::npos);
}

sonde::http::Response answer(const sonde::http::Request& request) {
  require(request.remote_address == "192.0.2.7");  // whatever headers the bytes held
  sonde::http::Response response;
  response.body = request.path;
  for (const auto& [name, value] : request.headers) {
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    require(name != "remote_addr" && name != "transfer-encoding" && name != "content-encoding");
    response.body += name + value;
  }
  for (const auto& [name, value] : request.parameters) response.body += name + value;
  response.body += request.body;
  response.headers["X-Echo"] = request.path;  // may hold line ends, decoded from %0a: must not be sent
  return response;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t piece = data[0] == 0 ? bytes.size() + 1 : data[0];
  RequestGuard guard;
  while (!bytes.empty()) {
    guard.add(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    guard.take_expects_continue();
    while (guard.state() == RequestGuard::State::kComplete) {
      sonde::http::GuardedRequest request = guard.take();
      check(request);
      const auto outcome = sonde::http::run_exchange(std::move(request), "192.0.2.7", -1, answer);
      require(outcome.answer.starts_with("HTTP/1.1 "));
      const std::string head = outcome.answer.substr(0, outcome.answer.find("\r\n\r\n"));
      require(head.find('\n') == head.find("\r\n") + 1);  // each line end is CR LF …
      for (size_t at = head.find('\n'); at != std::string::npos; at = head.find('\n', at + 1)) {
        require(head[at - 1] == '\r');
      }
    }
    if (guard.state() == RequestGuard::State::kRefused) {
      require(guard.refusal().status >= 400 && !guard.refusal().reason.empty());
      return 0;
    }
  }
  return 0;
}
